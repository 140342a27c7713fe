#!/usr/bin/env node
// The command. Runs dist/; in a checkout it builds first when a source is newer than the last build.
import { existsSync, readdirSync, statSync } from "node:fs";
import * as module from "node:module";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const stamp = `${root}dist/.built`;

function newestSource(folder) {
  let newest = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory()) newest = Math.max(newest, newestSource(path));
    else if (entry.name.endsWith(".ts")) newest = Math.max(newest, statSync(path).mtimeMs);
  }
  return newest;
}

const isCheckout = existsSync(`${root}engine`);
if (isCheckout) {
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  const changedAt = Math.max(...["engine", "operators", "deploy"].map((room) => newestSource(root + room)));
  if (changedAt > builtAt) {
    const { build } = await import("./build.js");
    const problem = await build();
    if (problem !== null) {
      console.error(`nocturne: ${problem}`);
      process.exit(1);
    }
  }
}
// With --debug a stack trace names the sources. Their maps are slow to read, so only then.
if (process.argv.includes("--debug")) process.setSourceMapsEnabled(true);
// From Node 22 on what was compiled is kept for the next start; where nothing can be written, it is not.
module.enableCompileCache?.(`${root}node_modules/.cache/compiled`);
await import("../dist/engine/main.js");
