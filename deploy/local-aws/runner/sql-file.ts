export interface InputColumn {
  readonly name: string;
  readonly optional: boolean;
  /** STRING unless declared. */
  readonly type: string;
}

export interface InputDeclaration {
  readonly name: string;
  readonly optional: boolean;
  readonly columns: readonly InputColumn[];
}

/** A file of sql/jobs: what its head declares, and its statements. */
export interface SqlFile {
  readonly inputs: readonly InputDeclaration[];
  readonly params: readonly string[];
  readonly outputs: readonly string[];
  /** Views that several outputs look at: computed once. */
  readonly keep: readonly string[];
  readonly statements: readonly string[];
}

/**
 * Reads a file of sql/jobs. Its head declares, in comments, `input name[?]: column[?] [TYPE], …`, `param: a, b`,
 * `output: view, …` and `keep: view, …`; `?` marks what may be missing. A statement ends in a semicolon, and none stands inside a text.
 */
export function readSqlFile(text: string): SqlFile {
  const inputs: InputDeclaration[] = [];
  let params: string[] = [];
  let outputs: string[] = [];
  let keep: string[] = [];
  for (const [, keyword, name, mark, list] of text.matchAll(/^-- (input|param|output|keep)(?: (\w+)(\??))?: (.+)$/gm)) {
    const items = list!.split(/,(?![^(]*\))/).map((item) => item.trim());
    if (keyword === "param") params = items;
    else if (keyword === "output") outputs = items;
    else if (keyword === "keep") keep = items;
    else inputs.push({ name: name!, optional: mark === "?", columns: items.map(readColumn) });
  }
  const statements = text
    .replaceAll(/--[^\n]*/g, "")
    .split(";")
    .map((statement) => statement.trim())
    .filter((statement) => statement !== "");
  return { inputs, params, outputs, keep, statements };
}

function readColumn(item: string): InputColumn {
  const [name, ...type] = item.split(" ");
  const optional = name!.endsWith("?");
  return { name: optional ? name!.slice(0, -1) : name!, optional, type: type.join(" ") || "STRING" };
}
