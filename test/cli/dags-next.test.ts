import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";

const program = fileURLToPath(new URL("../../bin/nocturne.js", import.meta.url));
let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "nocturne-next-"));
  await mkdir(join(cwd, "dags"));
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

/** What `dags next` says of a DAG with this head; it reads files alone. */
async function next(head: string, ...options: string[]): Promise<string> {
  await writeFile(join(cwd, "dags/one.yaml"), `dag: one\n${head}\ntasks:\n  work: { operator: noop }\n`);
  const own = Object.entries(process.env).filter(([name]) => !/^(NOCTURNE_|AWS_|DATABASE_URL$)/.test(name));
  const env = { ...Object.fromEntries(own), NO_COLOR: "1", AWS_EC2_METADATA_DISABLED: "true" };
  const { stdout } = await promisify(execFile)(process.execPath, [program, "dags", "next", "one", ...options], {
    cwd,
    env,
  });
  return stdout;
}

interface Answer {
  readonly paused: boolean;
  readonly continuous: boolean;
  readonly runs: readonly { readonly due_at: string; readonly logical_date: string; readonly ds: string }[];
}

test("dags next shows the runs after a start that is ahead, less the days left out, in UTC and in the zone", async () => {
  const schedule = '{ cron: "0 3 * * *", timezone: Asia/Tokyo, calendar: business_days, skip_dates: [2099-01-05] }';
  const out = await next(`schedule: ${schedule}\nstart_date: 2099-01-01`, "--count", "3");
  // January 1st, 2099, is a Thursday: the run of Friday covers it, that of Tuesday the time since Friday.
  expect(
    out
      .trim()
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s{2,}/)),
  ).toEqual([
    ["2099-01-01 18:00:00Z", "2099-01-02 03:00:00", "2099-01-01"],
    ["2099-01-05 18:00:00Z", "2099-01-06 03:00:00", "2099-01-02"],
    ["2099-01-06 18:00:00Z", "2099-01-07 03:00:00", "2099-01-06"],
  ]);
});

test("dags next has a run's due time with its jitter and its date without", async () => {
  const head = 'schedule: { cron: "0 3 * * *", mode: trigger, jitter: 1h }\nstart_date: 2099-01-01';
  const { runs } = JSON.parse(await next(head, "--count", "1", "--json")) as Answer;
  expect(runs).toMatchObject([{ logical_date: "2099-01-01T03:00:00+00:00", ds: "2099-01-01" }]);
  expect(runs[0]?.due_at).toMatch(/^2099-01-01T03:(?!00:00\+)/);
});

test("dags next marks a paused DAG, and one that runs continuously or no more", async () => {
  expect(await next('paused: true\nschedule: "@daily"')).toMatch(/^one is paused: no run is made until .*\nDUE /);
  expect(await next('schedule: "@continuous"')).toMatch(/^one runs continuously: its next run is due as soon as/);
  expect(JSON.parse(await next('schedule: "@continuous"', "--json"))).toMatchObject({ continuous: true, runs: [] });
  expect(await next('schedule: "@once"\nstart_date: 2020-01-01')).toBe("one has no run any more.\n");
});
