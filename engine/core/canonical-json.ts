/** JSON with sorted keys and without undefined: equal values have equal text, in whatever order Postgres gave their keys back. */
export function canonicalJson(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(",")}]`;
  const entries = value as Readonly<Record<string, unknown>>;
  const keys = Object.keys(entries).filter((key) => entries[key] !== undefined);
  const pairs = keys.sort().map((key) => `${JSON.stringify(key)}:${canonicalJson(entries[key])}`);
  return `{${pairs.join(",")}}`;
}
