import { spawnSync } from "node:child_process";

/** Several rooms ask for it in one process; what changes while tests run is built by bin/nocturne.js. */
const once: { isBuilt?: boolean } = ((globalThis as { nocturneTests?: object }).nocturneTests ??= {});

/** Tests that start the product's own processes run dist/: bring it up to date once, before the first of them. */
export default function setup(): void {
  if (once.isBuilt === true) return;
  const built = spawnSync(process.execPath, ["bin/build.js"], { stdio: "inherit" });
  if (built.status !== 0) throw new Error("the sources do not compile");
  once.isBuilt = true;
}
