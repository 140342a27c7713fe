/** One message of the wire protocol; `type` is empty for the first one of a client, which has none. */
export interface Message {
  readonly type: string;
  readonly body: Buffer;
  /** As it came, to be sent on. */
  readonly bytes: Buffer;
}

/** Cuts a stream of bytes into messages: a type, a length that counts itself, and a body. */
export class Messages {
  private rest: Buffer = Buffer.alloc(0);
  private isFirst: boolean;

  /** `hasStartup`: the first message has no type, as that of a client. */
  constructor(hasStartup: boolean) {
    this.isFirst = hasStartup;
  }

  take(chunk: Buffer): Message[] {
    this.rest = Buffer.concat([this.rest, chunk]);
    const messages: Message[] = [];
    for (;;) {
      const head = this.isFirst ? 0 : 1;
      if (this.rest.length < head + 4) return messages;
      const end = head + this.rest.readInt32BE(head);
      if (this.rest.length < end) return messages;
      const bytes = this.rest.subarray(0, end);
      messages.push({ type: bytes.toString("latin1", 0, head), body: bytes.subarray(head + 4), bytes });
      this.rest = this.rest.subarray(end);
      this.isFirst = false;
    }
  }
}

/** The text up to the next NUL, and where the rest begins. */
export function textAt(body: Buffer, from: number): { readonly text: string; readonly next: number } {
  const end = body.indexOf(0, from);
  return { text: body.toString("utf8", from, end), next: end + 1 };
}

/** The statement that a Bind names and its parameters as text. */
export function bindOf(body: Buffer): { readonly statement: string; readonly values: readonly (string | null)[] } {
  const { text: statement, next } = textAt(body, textAt(body, 0).next);
  let at = next + 2 + 2 * body.readInt16BE(next);
  const count = body.readInt16BE(at);
  at += 2;
  const values = Array.from({ length: count }, () => {
    const length = body.readInt32BE(at);
    at += 4 + Math.max(0, length);
    return length < 0 ? null : body.toString("utf8", at - length, at);
  });
  return { statement, values };
}

export function simpleQuery(text: string): Buffer {
  const body = Buffer.from(`${text}\0`);
  const head = Buffer.from("Q....");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}
