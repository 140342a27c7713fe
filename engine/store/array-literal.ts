/** What may stand in an array without quotes: letters, digits and what times and numbers need; "null" would be no text. */
const PLAIN = /^(?!null$)[\w.:+-]+$/i;

/**
 * One column of `rows` as Postgres reads an array: `{1,"a b",NULL}`. NULLs at its end are left out: unnest fills the shorter
 * of its arrays up with them, and most columns of most flushes hold nothing else. Written here, because the driver's own walks
 * every element with closures and three regular expressions: half of what a flush costs this process.
 */
export function arrayLiteral<T>(rows: readonly T[], column: (row: T) => unknown): string {
  let text = "{";
  let nulls = "";
  for (const row of rows) {
    const value = column(row);
    // What a column must not be without is for the server to refuse: it puts one run aside, and not everything (rule 7).
    if (value === null || value === undefined) nulls += "NULL,";
    else {
      text += `${nulls}${element(value)},`;
      nulls = "";
    }
  }
  return text.length === 1 ? "{}" : `${text.slice(0, -1)}}`;
}

function element(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") throw new Error(`a column of a flush holds ${typeof value}`);
  return PLAIN.test(value) ? value : `"${value.replace(/["\\]/g, "\\$&")}"`;
}
