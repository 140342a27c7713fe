import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder of package.json: the same from the source tree and from dist/. */
export const packageRoot = find(dirname(fileURLToPath(import.meta.url)));

function find(folder: string): string {
  return existsSync(join(folder, "package.json")) ? folder : find(dirname(folder));
}
