/** What a handler answers. The server writes it only after the faults had their say, so no handler touches the socket. */
export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | FileSlice | null;
}

/** Bytes `start` up to and without `end` of a file, streamed. */
export interface FileSlice {
  readonly path: string;
  readonly start: number;
  readonly end: number;
}

export function jsonReply(status: number, document: unknown): Reply {
  return { status, headers: { "content-type": "application/json" }, body: `${JSON.stringify(document)}\n` };
}

/** XML text with its five special characters escaped. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
