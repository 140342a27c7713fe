import { existsSync, readFileSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** <package>/sql, from the sources as well as from dist/. */
const folder = (): string => {
  let at = dirname(fileURLToPath(import.meta.url));
  while (!existsSync(join(at, "package.json"))) {
    if (at === dirname(at)) throw new Error("no package.json above the program");
    at = dirname(at);
  }
  return join(at, "sql");
};

/** The text of sql/statements/<name>.sql. */
export const statementText = (name: string): string =>
  readFileSync(join(folder(), "statements", `${name}.sql`), "utf8");

/** Every migration by its name, in the order in which they are applied. */
export function migrationTexts(): ReadonlyMap<string, string> {
  const files = readdirSync(join(folder(), "migrations")).filter((file) => /^\d{4}_\w+\.sql$/.test(file));
  return new Map(
    files.sort().map((file) => [file.slice(0, -4), readFileSync(join(folder(), "migrations", file), "utf8")]),
  );
}
