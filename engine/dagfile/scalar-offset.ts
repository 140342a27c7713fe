/**
 * Where the character at `offset` of a scalar's value stands in its source: quotes, escapes, folded lines and the
 * indentation of block scalars lie between the two. Walks both side by side and skips what only the source has.
 */
export function valueOffset(source: string, value: string, offset: number): number {
  const header = /^[|>][^\n]*\n/.exec(source)?.[0].length;
  let at = header ?? (/^["']/.test(source) ? 1 : 0);
  for (let index = 0; index < offset && at < source.length; index++) at = next(source, value, index, at) + 1;
  return Math.min(next(source, value, offset, at), source.length);
}

function next(source: string, value: string, index: number, from: number): number {
  let at = from;
  while (at < source.length && !same(source[at], value[index])) at++;
  // A character that is written as an escape is not found: stay.
  return at < source.length ? at : from;
}

const same = (written: string | undefined, meant: string | undefined): boolean =>
  written === meant || (written === "\n" && meant === " ");
