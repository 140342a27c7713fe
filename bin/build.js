#!/usr/bin/env node
// Compiles the sources to dist/. Run by `npm ci` (through prepare) and, in a checkout, by bin/nocturne.js when a source is newer.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const compiler = fileURLToPath(new URL("../node_modules/typescript/lib/tsc.js", import.meta.url));

/** Compiles; answers whether it succeeded. The compiler's own messages go to standard error. */
export function build() {
  if (!existsSync(compiler)) return existsSync(`${root}/dist/engine/main.js`);
  const args = [compiler, "-p", "tsconfig.build.json"];
  const done = spawnSync(process.execPath, args, { cwd: root, stdio: ["ignore", 2, 2] });
  return done.status === 0;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = build() ? 0 : 1;
