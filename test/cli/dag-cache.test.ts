import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const program = fileURLToPath(new URL("../../bin/nocturne.js", import.meta.url));
const FILES = 30;
let cwd: string;

beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), "nocturne-cli-"));
  mkdirSync(join(cwd, "dags"));
  for (let file = 0; file < FILES; file++) write(`d${file}`, "noop");
});
afterEach(() => rmSync(cwd, { recursive: true, force: true }));

const write = (dagId: string, operator: string): void =>
  writeFileSync(join(cwd, "dags", `${dagId}.yaml`), `dag: ${dagId}\ntasks:\n  a: { operator: ${operator} }\n`);

interface Told {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const check = (): Promise<Told> =>
  promisify(execFile)(process.execPath, [program, "dags", "check"], {
    cwd,
    env: { ...process.env, NO_COLOR: "1" },
  }).then(
    (told) => ({ code: 0, ...told }),
    (error: unknown) => {
      const { code, stdout, stderr } = error as Told;
      return { code, stdout, stderr };
    },
  );
const entries = (): string[] => readdirSync(join(cwd, ".nocturne/cache/dags"));

test("several processes that read the same files at once say the same as one alone, and keep one entry for each file", async () => {
  write("broken", "nope");
  const alone = await check();
  expect(alone.code).toBe(1);
  // Without a home nothing is kept, and none is made.
  expect(readdirSync(cwd)).toEqual(["dags"]);
  mkdirSync(join(cwd, ".nocturne"));
  expect(await Promise.all([check(), check(), check(), check()])).toEqual([alone, alone, alone, alone]);
  expect(entries()).toHaveLength(FILES + 1);
  expect(await check()).toEqual(alone);
});

test("a file that is mended, and one that is broken, are seen by the next command", async () => {
  mkdirSync(join(cwd, ".nocturne"));
  expect((await check()).code).toBe(0);
  write("d0", "nope");
  const broken = await check();
  expect(broken.code).toBe(1);
  expect(broken.stdout + broken.stderr).toContain("d0.yaml");
  write("d0", "noop");
  expect((await check()).code).toBe(0);
});
