import { readFileSync, readdirSync, writeFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Draws } from "../chaos/draws.ts";
import { Project, expectOneJobPerKey, until, type Finished } from "./project.ts";

/** Fifty in the long run (`npm run test:kills`). */
const KILLS = Number(process.env["NOCTURNE_TEST_UP_KILLS"] ?? 8);
/** An hour of the nights takes a second here in the short run; the long one needs nights that last longer. */
const FACTOR = KILLS > 20 ? 1_200 : 3_600;
const SEED = Number(process.env["NOCTURNE_TEST_SEED"] ?? Date.now() % 1_000_000);

/** A kill leaves hours of the scaled clock empty: what is measured by that clock must not end the work. */
const patient = (yaml: string): string =>
  yaml
    .replace(/timeout: (2h|3h)/g, "timeout: 30d")
    .replace("idle_timeout: 15m", "idle_timeout: 100h")
    .replace("per_run: 25 USD", "per_run: 100000 USD")
    .replace("catchup: 2d", "catchup: 10d")
    .replace("start_date: 2026-01-01", "start_date: 2026-03-01\nend_date: 2026-03-03");

let project: Project;

beforeEach(() => {
  project = new Project(patient);
  const engine = { writer_ttl: "1s", writer_renew: "300ms", send_window: "1s", request_limit: "500ms" };
  writeFileSync(join(project.folder, "nocturne.yaml"), JSON.stringify({ home: "home", aws: "local", engine }));
});
afterEach(async () => {
  await project.killCommands();
  const { endLocalAws } = await import("../../engine/local/local-aws.ts");
  await endLocalAws(project.home);
  await project.close();
});

interface Up {
  readonly child: ReturnType<Project["start"]>;
  readonly finished: Promise<Finished>;
}

function up(): Up {
  const scale = ["--time-scale", String(FACTOR), "--time-from", "2026-03-02T06:30:00Z"];
  const child = project.start("up", "--port", "0", "--json", ...scale);
  return { child, finished: child.finished };
}

async function json<T>(...command: string[]): Promise<T> {
  const { stdout, stderr, code } = await project.run(...command, "--json");
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as T;
}

test(`killed ${KILLS} times at random during three scaled nights (seed ${SEED}): every night green, one job per launch key, one mail per miss`, async () => {
  const draws = new Draws(SEED);
  const first = up();
  project.url = await until("local-aws", () => {
    const endpoint = join(project.home, "local-aws/endpoint.json");
    return existsSync(endpoint) ? (JSON.parse(readFileSync(endpoint, "utf8")) as { url: string }).url : null;
  });
  await project.upload(3);
  let running = first;
  for (let kill = 0; kill < KILLS; kill++) {
    const moment = 200 + draws.unit() * 3_300;
    const ended = await Promise.race([running.finished, new Promise<null>((go) => setTimeout(go, moment, null))]);
    expect(ended, ended?.stderr).toBeNull();
    running.child.kill("SIGKILL");
    await running.finished;
    running = up();
  }
  const nights = await until("three nights that have ended", async () => {
    const { runs } = await json<{ runs: { state: string; dag_run_id: string }[] }>("runs", "list");
    return runs.length >= 3 && runs.every(({ state }) => state !== "queued" && state !== "running") ? runs : null;
  });
  const failed = nights.filter(({ state }) => state === "failed");
  const shown = await Promise.all(failed.map(({ dag_run_id: id }) => project.run("runs", "show", id)));
  const said = shown.map(({ stdout }) => stdout).join("\n");
  expect(
    nights.map(({ state }) => state),
    said,
  ).toEqual(Array(3).fill("success"));
  expectOneJobPerKey(await project.remoteRuns());
  const { misses } = await json<{ misses: unknown[] }>("sla", "misses");
  const mails = await until("every mail sent", async () => {
    const { mails } = await json<{ mails: { kind: string; state: string }[] }>("mails", "list");
    return mails.every(({ state }) => state === "sent") ? mails : null;
  });
  expect(mails.filter(({ kind }) => kind === "sla_missed")).toHaveLength(misses.length);
  const inbox = join(project.home, "inbox");
  const files = existsSync(inbox) ? readdirSync(inbox).filter((name) => name.endsWith(".eml")) : [];
  expect(files).toHaveLength(mails.length);
  running.child.kill("SIGTERM");
  expect((await running.finished).code).toBe(0);
}, 900_000);
