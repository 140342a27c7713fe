#!/usr/bin/env node
// Compiles the sources to dist/. Run by `npm ci` (through prepare) and, in a checkout, by bin/nocturne.js when a source is newer.
import { spawnSync } from "node:child_process";
import { existsSync, utimesSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiler = fileURLToPath(new URL("../node_modules/typescript/lib/tsc.js", import.meta.url));

/** Touched by every build that succeeded. The compiler's own record is no such sign: it is also written with errors. */
const stamp = fileURLToPath(new URL("../dist/.built", import.meta.url));

/** Compiles; answers null, or why that failed. The compiler's own messages go to standard error. */
export function build() {
  if (!existsSync(compiler)) return "nothing is installed yet; run `npm ci`";
  const began = new Date();
  const args = [compiler, "-p", "tsconfig.build.json"];
  const done = spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
  if (done.status !== 0) return "the sources do not compile; see the messages above, then run `npm run build`";
  writeFileSync(stamp, "");
  // What is saved while the compiler reads is newer than this build.
  utimesSync(stamp, began, began);
  return null;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const problem = build();
  if (problem !== null) {
    console.error(`nocturne: ${problem}`);
    process.exitCode = 1;
  }
}
