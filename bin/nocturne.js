#!/usr/bin/env node
// The command. Runs dist/; in a checkout it compiles first when a source is newer than the last build.
import { existsSync, readdirSync, statSync } from "node:fs";
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

const isCheckout = existsSync(`${root}tsconfig.build.json`) && existsSync(`${root}engine`);
if (isCheckout) {
  const builtAt = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  const changedAt = Math.max(...["engine", "operators", "deploy"].map((room) => newestSource(root + room)));
  if (changedAt > builtAt) {
    const { build } = await import("./build.js");
    const problem = build();
    if (problem !== null) {
      console.error(`nocturne: ${problem}`);
      process.exit(1);
    }
  }
}
await import("../dist/engine/main.js");
