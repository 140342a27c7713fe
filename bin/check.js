#!/usr/bin/env node
// `npm run check`: every check of package.json, the slow one beside the others. Each says what it found when it has ended.
import { spawn } from "node:child_process";

const LANES = [["lint"], ["types", "format", "imports", "dead"]];

/** Runs one check and prints its output in one piece; answers whether it passed. */
function check(name) {
  return new Promise((resolve) => {
    const child = spawn("npm", ["run", "--silent", `check:${name}`], { stdio: ["ignore", "pipe", "pipe"] });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
    child.on("close", (code) => {
      console.log(`${code === 0 ? "passed" : "FAILED"}  check:${name}`);
      if (code !== 0) console.log(said);
      resolve(code === 0);
    });
  });
}

async function lane(names) {
  let passed = true;
  for (const name of names) passed = (await check(name)) && passed;
  return passed;
}

const passed = await Promise.all(LANES.map(lane));
process.exitCode = passed.every(Boolean) ? 0 : 1;
