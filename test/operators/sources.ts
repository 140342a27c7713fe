import { existsSync, readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const OPERATORS = resolve(dirname(fileURLToPath(import.meta.url)), "../../operators");

/** operators/glue-job for "glue.job". */
export const folderOf = (type: string): string => join(OPERATORS, type.replace(/[._]/g, "-"));

/** The texts of a file of operators/ and of all files of operators/ that it loads, types left out. */
export function sourcesOf(file: string): string[] {
  const texts = new Map<string, string>();
  const read = (path: string): void => {
    if (texts.has(path) || !path.startsWith(OPERATORS) || !existsSync(path)) return;
    const text = readFileSync(path, "utf8").replace(/^import type [^;]+;$/gm, "");
    texts.set(path, text);
    for (const [, imported = ""] of text.matchAll(/(?:from|import\() ?"(\.[^"]+)"/g))
      read(resolve(dirname(path), imported));
  };
  read(file);
  return [...texts.values()];
}
