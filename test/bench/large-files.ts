import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../../engine/local/package-root.ts";
import { figure, median, type Benchmark, type Telling } from "./figures.ts";

const FILES = 1_000;
const TASKS = 20;
const BIG = 40_000;
const ROUNDS = 5;

/** The tasks of a night: sensors, queries with a file, jobs and what ties them together. */
function taskText(index: number): string {
  const uri = `s3://{{ params.bucket }}/raw/sales/dt={{ ds }}/part-${index}`;
  const kinds = [
    `    operator: s3.wait\n    with: { uri: "${uri}/_SUCCESS" }\n    timeout: 3h\n`,
    `    operator: athena.query\n    with: { file: sql/merge.sql, values: { bucket: "{{ params.bucket }}" } }\n`,
    `    operator: glue.job\n    with:\n      job: clean-${index}\n      script: jobs/clean.py\n      worker_type: G.1X\n      workers: 4\n      arguments: { day: "{{ ds }}", out: "${uri}/" }\n`,
    "    operator: noop\n    retries: 1\n",
  ];
  const after = index === 0 ? "" : `    depends_on: [t${index - 1}]\n`;
  return `  t${index}:\n${after}${kinds[index % kinds.length] ?? ""}`;
}

const dagText = (id: string, tasks: number): string =>
  `dag: ${id}
owner: data-platform
tags: [sales, nightly]
schedule: { cron: "0 2 * * *", timezone: America/New_York }
start_date: 2026-01-01
params: { bucket: { type: string, default: acme-sales } }
defaults: { retries: 2, retry_delay: 5m, timeout: 2h }
sla: [{ name: ready, finish_by: "06:00" }]
tasks:
${Array.from({ length: tasks }, (_, index) => taskText(index)).join("")}`;

/** Seconds from the command's start to its end. */
async function check(home: string, dags: string): Promise<number> {
  const startedAt = performance.now();
  const args = [join(packageRoot(), "bin/nocturne.js"), "dags", "check", "--home", home, "--dags", dags];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "ignore", "inherit"] });
  const code = await new Promise((done) => child.once("close", done));
  if (code !== 0) throw new Error(`the check ended with exit code ${String(code)}`);
  return (performance.now() - startedAt) / 1000;
}

/** What the command takes by itself: a folder with one small file, read before. */
async function measure(project: string, tell: Telling) {
  const home = join(project, ".nocturne");
  const folders = { many: join(project, "dags"), one: join(project, "one"), big: join(project, "big") };
  for (const folder of [home, join(project, "sql"), join(project, "jobs"), ...Object.values(folders)])
    mkdirSync(folder);
  writeFileSync(join(project, "sql/merge.sql"), "SELECT 1\n");
  writeFileSync(join(project, "jobs/clean.py"), "print(1)\n");
  for (let file = 0; file < FILES; file++) {
    writeFileSync(join(folders.many, `sales_${file}.yaml`), dagText(`sales_${file}`, TASKS));
  }
  writeFileSync(join(folders.one, "one.yaml"), dagText("one", 1));
  writeFileSync(join(folders.big, "big.yaml"), dagText("big", BIG));
  const [cold, warm, one]: [number[], number[], number[]] = [[], [], []];
  for (let round = 1; round <= ROUNDS; round++) {
    tell.progress(`${FILES} files, round ${round} of ${ROUNDS}`);
    rmSync(join(home, "cache"), { recursive: true, force: true });
    cold.push(await check(home, folders.many));
    warm.push(await check(home, folders.many));
    one.push(await check(home, folders.one));
  }
  tell.progress(`one file of ${BIG} tasks`);
  const big = await check(home, folders.big);
  const reference = median(one);
  return [
    figure(`${FILES} files of ${TASKS} tasks, cold`, median(cold), "s", { target: "4", reference }),
    figure(`${FILES} files of ${TASKS} tasks, warm`, median(warm), "s", { target: "0.5", reference }),
    figure("the same command over one small file", reference, "s"),
    figure(`one file of ${BIG} tasks, cold`, big, "s"),
  ];
}

export const largeFiles: Benchmark = {
  name: "large-files",
  summary: `nocturne dags check over ${FILES} files of ${TASKS} tasks, with an empty cache and with a full one`,
  async run(tell) {
    const project = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
    try {
      return await measure(project, tell);
    } finally {
      rmSync(project, { recursive: true, force: true });
    }
  },
};
