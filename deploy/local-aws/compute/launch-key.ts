const KEY = /(?<![0-9a-f])[0-9a-f]{48}(?![0-9a-f])/g;

/** The last word of 48 hex characters in a name: how a client marks jobs of a service that knows no client token. */
export function launchKeyIn(name: string): string | null {
  return name.match(KEY)?.at(-1) ?? null;
}
