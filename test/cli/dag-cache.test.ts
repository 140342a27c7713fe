import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fillCache } from "../../engine/cli/fill-dag-cache.ts";

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

test("of many DAGs without problems the first are named and the others counted", async () => {
  const { stdout } = await check();
  expect(stdout).toMatch(/^30 DAGs checked, no problems: d0, d1, d10, .*, d26, and 10 more\n$/);
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

/** One core reads alone. */
const isAlone = availableParallelism() < 2;
/** Enough for two threads. */
const MANY = Array.from({ length: 250 }, (_, index) => `dags/d${index}.yaml`);
const thread = new URL("../../dist/engine/read-thread.js", import.meta.url);
const cacheOf = (program: string) => ({ folder: join(cwd, ".nocturne/cache/dags"), program });

/** Each entry with what is another when it was made anew. */
const made = (): Record<string, number> =>
  Object.fromEntries(entries().map((name) => [name, statSync(join(cacheOf("").folder, name)).ino]));

test.skipIf(isAlone)("many files that are new are read by threads, and whoever asks finds them read", async () => {
  for (const file of MANY) write(basename(file, ".yaml"), "noop");
  write("d7", "nope");
  await fillCache(cacheOf("1"), thread)([...MANY, "dags/gone.yaml"], cwd, null);
  const byThreads = made();
  expect(Object.keys(byThreads)).toHaveLength(MANY.length);
  const { stdout } = await check();
  expect(stdout).toContain("nope");
  expect(made()).toEqual(byThreads);
});

test.skipIf(isAlone)("threads read again what another version of the program has read", async () => {
  for (const file of MANY) write(basename(file, ".yaml"), "noop");
  await fillCache(cacheOf("1"), thread)(MANY, cwd, null);
  for (const name of entries()) writeFileSync(join(cacheOf("").folder, name), "an entry of another version");
  const others = made();
  await fillCache(cacheOf("1"), thread)(MANY, cwd, null);
  const again = made();
  expect(Object.keys(others).filter((name) => again[name] === others[name])).toEqual([]);
});

test("threads that cannot be had leave the files to whoever asks for them", async () => {
  const cache = cacheOf("1");
  await fillCache(cache, new URL("file:///no/such/thread.js"))(MANY, cwd, null);
  await fillCache(cache, new URL("https://nowhere.test/thread.js"))(MANY, cwd, null);
  expect(existsSync(cache.folder)).toBe(false);
});
