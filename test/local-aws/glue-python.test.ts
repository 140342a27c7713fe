import { spawnSync } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { runPython } from "../../deploy/local-aws/compute/pyspark.ts";
import { temporaryHome } from "./start.ts";

const SCRIPT = `
import os, sys, time
print(__name__, *sys.argv[1:], os.environ["NOCTURNE_S3_ROOT"], flush=True)
if "--fail" in sys.argv:
    raise ValueError("bad column")
if "--hang" in sys.argv:
    time.sleep(600)
`;

async function run(args: readonly string[], heard: (line: string, cancel: () => void) => void = () => undefined) {
  const script = join(await temporaryHome(), "job.py");
  await writeFile(script, SCRIPT);
  const lines: string[] = [];
  const log = (line: string): void => {
    lines.push(line);
    heard(line, () => work.cancel());
  };
  const work = runPython(script, args, { NOCTURNE_S3_ROOT: "/s3" }, { started: () => undefined, log });
  return { end: await work.ended, lines };
}

describe.skipIf(spawnSync("python3", ["--version"]).status !== 0)("a script in a python3 process", () => {
  test("runs as the main module with its arguments and environment", async () => {
    expect(await run(["--a", "b"])).toEqual({ end: { kind: "succeeded" }, lines: ["__main__ --a b /s3"] });
  });

  test("that raises fails with the last line of its traceback", async () => {
    expect((await run(["--fail"])).end).toEqual({ kind: "failed", error: "ValueError: bad column" });
  });

  test("ends when it is cancelled", async () => {
    expect((await run(["--hang"], (_, cancel) => cancel())).end).toEqual({ kind: "cancelled" });
  });
});
