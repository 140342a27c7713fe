import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { promisify } from "node:util";

/** A package in a folder outside of the project, with its version. */
export interface Peer {
  readonly version: string;
  readonly exports: unknown;
}

/**
 * Loads a package from NOCTURNE_BENCH_QUEUES, or installs the newest version for this Node into `scratch`; null where it
 * cannot be had. Never a dependency of the project.
 */
export async function loadPeer(name: string, scratch: string): Promise<Peer | null> {
  const given = process.env["NOCTURNE_BENCH_QUEUES"];
  const folder = given ?? scratch;
  try {
    if (given === undefined) {
      writeFileSync(join(folder, "package.json"), "{}");
      await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", name], { cwd: folder });
    }
    const require = createRequire(join(folder, "package.json"));
    const manifest = readFileSync(join(folder, "node_modules", name, "package.json"), "utf8");
    return { version: (JSON.parse(manifest) as { version: string }).version, exports: require(name) };
  } catch {
    return null;
  }
}
