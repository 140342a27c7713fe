/** A text as a DuckDB string literal. */
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`;

/** A name as a DuckDB identifier. */
export const identifier = (name: string): string => `"${name.replaceAll('"', '""')}"`;
