import { spawnSync } from "node:child_process";

/** Tests that start the product's own processes run dist/: bring it up to date once, before the first of them. */
export default function setup(): void {
  const built = spawnSync(process.execPath, ["bin/build.js"], { stdio: "inherit" });
  if (built.status !== 0) throw new Error("the sources do not compile");
}
