import { realpath, stat } from "node:fs/promises";
import { isAbsolute, relative, resolve, sep } from "node:path";

/** The folder a command runs in: `cwd` in the project, links followed. Null: there is no such folder in it. */
export async function folderIn(projectFolder: string, cwd = "."): Promise<string | null> {
  try {
    const project = await realpath(projectFolder);
    const folder = await realpath(resolve(project, cwd));
    const from = relative(project, folder);
    const isOutside = from === ".." || from.startsWith(`..${sep}`) || isAbsolute(from);
    return !isOutside && (await stat(folder)).isDirectory() ? folder : null;
  } catch {
    return null;
  }
}
