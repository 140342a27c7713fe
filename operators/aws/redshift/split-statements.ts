/** What may hide a semicolon: comments, texts, quoted names and dollar-quoted bodies. */
const TOKEN = /--[^\n]*|\/\*[\s\S]*?\*\/|'(?:[^']|'')*'|"(?:[^"]|"")*"|(\$\w*\$)[\s\S]*?\1|;|[^-/'"$;]+|[\s\S]/g;

/** The statements of a SQL file, without their semicolons; what holds only comments is none. */
export function splitStatements(sql: string): string[] {
  const statements: string[] = [];
  let text = "";
  let hasCode = false;
  const end = (): void => {
    if (hasCode) statements.push(text.trim());
    text = "";
    hasCode = false;
  };
  for (const [token] of sql.matchAll(TOKEN)) {
    if (token === ";") end();
    else {
      text += token;
      hasCode ||= !/^(--|\/\*)/.test(token) && token.trim() !== "";
    }
  }
  end();
  return statements;
}
