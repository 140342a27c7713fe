import { fork, type ChildProcess } from "node:child_process";
import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { RunnerJob, RunnerMessage } from "../../deploy/local-aws/contract.ts";

const MAIN = fileURLToPath(new URL("../../dist/deploy/local-aws/runner/main.js", import.meta.url));
const SQL =
  "-- param: who\n-- output: greeting\nCREATE OR REPLACE TEMP VIEW greeting AS SELECT 'hello ' || who AS text FROM params;";

let root: string;
let runner: ChildProcess;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "nocturne-runner-"));
  await mkdir(join(root, "bucket"));
  await writeFile(join(root, "bucket", "hello.sql"), SQL);
  runner = fork(MAIN);
});
afterEach(async () => {
  if (runner.exitCode === null) {
    runner.kill("SIGKILL");
    await once(runner, "exit");
  }
  await rm(root, { recursive: true, force: true });
});

const job = (changes: Record<string, string> = {}): RunnerJob => ({
  arguments: {
    sql: "s3://bucket/hello.sql",
    "output.greeting": "s3://bucket/out/?format=parquet",
    "param.who": "you",
    ...changes,
  },
  s3Root: root,
  threads: 1,
});

/** Sends jobs and collects what is said until as many have ended. */
async function say(...jobs: RunnerJob[]): Promise<RunnerMessage[]> {
  const messages: RunnerMessage[] = [];
  const ended = new Promise<void>((resolve) =>
    runner.on("message", (message: RunnerMessage) => {
      messages.push(message);
      if (messages.filter((each) => each.kind === "ended").length === jobs.length) resolve();
    }),
  );
  for (const each of jobs) runner.send(each);
  await ended;
  return messages;
}

test("a runner process logs what it wrote, says how each job ended, and goes on after one that failed", async () => {
  expect(await say(job({ sql: "s3://bucket/none.sql" }), job())).toEqual([
    { kind: "ended", error: expect.stringMatching(/none\.sql/) as string },
    { kind: "log", line: "wrote greeting: 1 row" },
    { kind: "ended", error: null },
  ]);
});

test("a text file may hold columns that the SQL declares as numbers", async () => {
  const sql =
    "-- input sales: store, pieces INTEGER, price DECIMAL(12,2)\n-- output: total\n" +
    "CREATE OR REPLACE TEMP VIEW total AS SELECT store, SUM(pieces) AS pieces FROM sales GROUP BY store;";
  await writeFile(join(root, "bucket", "total.sql"), sql);
  await mkdir(join(root, "bucket", "sales"));
  await writeFile(join(root, "bucket", "sales", "day.csv"), "store,pieces,price\nS1,2,1.50\nS2,3,0.20\n");
  const total = {
    sql: "s3://bucket/total.sql",
    "input.sales": "s3://bucket/sales/?format=csv",
    "output.total": "s3://bucket/out/?format=parquet",
  };
  expect(await say({ arguments: total, s3Root: root, threads: 1 })).toEqual([
    { kind: "log", line: "read sales: 2 rows, 1 file" },
    { kind: "log", line: "wrote total: 2 rows" },
    { kind: "ended", error: null },
  ]);
});

test("a runner process ends when its parent lets go of it", async () => {
  await say(job());
  const exit = once(runner, "exit");

  runner.disconnect();

  expect(await exit).toEqual([0, null]);
});
