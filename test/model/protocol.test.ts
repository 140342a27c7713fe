import { execFileSync, execFile } from "node:child_process";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const run = promisify(execFile);
const CHECK = "docs/model/check.js";

interface Run {
  readonly name: string;
  readonly says: string;
  /** Whether the search must find something: a safeguard is missing. */
  readonly finds: boolean;
}

const RUNS = JSON.parse(execFileSync(process.execPath, [CHECK, "--list"], { encoding: "utf8" })) as readonly Run[];

const missing = ["spin -V", "cc --version"].find((command) => {
  const [tool = "", ...words] = command.split(" ");
  try {
    execFileSync(tool, words, { stdio: "ignore" });
    return false;
  } catch {
    return true;
  }
});
const why = missing === undefined ? "" : ` (skipped: ${missing.split(" ")[0]} is not installed here)`;

async function check({ name }: Run): Promise<{ states: number; found: string | null; steps: string[] }> {
  const { stdout } = await run(process.execPath, [CHECK, name, "--json"]).catch((error: { stdout?: string }) => {
    if (error.stdout) return { stdout: error.stdout };
    throw error;
  });
  return JSON.parse(stdout) as Awaited<ReturnType<typeof check>>;
}

describe.skipIf(missing !== undefined)(`rules 1, 2, 4, 5, 8, 11, 14 to 18 and 23 as a model${why}`, () => {
  it.concurrent.each(RUNS.filter(({ finds }) => !finds))("the protocol, $name: $says", async (each) => {
    const { found, states } = await check(each);
    expect(found).toBeNull();
    expect(states).toBeGreaterThan(1_000);
  });

  it.concurrent.each(RUNS.filter(({ finds }) => finds))("goes wrong when $says ($name)", async (each) => {
    const { found, steps } = await check(each);
    expect(found).not.toBeNull();
    expect(steps.length).toBeGreaterThan(0);
  });
});
