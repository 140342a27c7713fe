#!/usr/bin/env node
// `npm run bench -- NAME [--json]`: compiles when needed, then runs one benchmark of test/bench.
import { build } from "./build.js";

const problem = await build();
if (problem !== null) {
  console.error(`nocturne: ${problem}`);
  process.exit(1);
}
await import("../dist/test/bench/main.js");
