import { afterEach, beforeEach, expect, test } from "vitest";
import { Project } from "./project.ts";

let project: Project;

const setUp = async (edit?: (yaml: string) => string): Promise<void> => {
  project = new Project(edit);
  await project.startAws();
};

beforeEach(() => setUp());
afterEach(() => project.close());

interface Mart {
  readonly rows: readonly string[];
}

/** The mart as the warehouse holds it, without run_id: what a rerun must not change. */
async function mart(): Promise<Mart> {
  const { readMart } = await import("./mart.ts");
  return { rows: await readMart(project.url) };
}

test("nights rerun in any order leave the same rows", async () => {
  await project.upload(3);
  const first = await project.backfill(1, 3).finished;
  expect(first.stderr + first.stdout).toContain("success");
  expect(first.code).toBe(0);
  const before = await mart();
  expect(before.rows.length).toBeGreaterThan(6);
  for (const day of [3, 1, 2]) {
    const again = await project.backfill(day, day, "--reprocess", "completed").finished;
    expect(again.code, again.stderr).toBe(0);
  }
  expect(await mart()).toEqual(before);
});

test("a Glue run that fails twice is tried again and the night is green", async () => {
  await project.upload(1);
  await project.fault({ operation: "Glue.StartJobRun", kind: "fail_run", times: 2 });
  const night = await project.backfill(1, 1).finished;
  expect(night.code, night.stderr).toBe(0);
  const glue = (await project.remoteRuns()).filter((run) => run.service === "Glue");
  expect(glue.map((run) => run.state).sort()).toEqual(["FAILED", "FAILED", "SUCCEEDED"]);
  expect(new Set(glue.map((run) => run.launchKey)).size).toBe(3);
});

test("a file that never comes lets the sensor time out, by name", async () => {
  await project.close();
  await setUp((yaml) => yaml.replace("timeout: 3h", "timeout: 1s"));
  await project.upload(1, (key, body) => (key.endsWith("_SUCCESS") ? null : body));
  const night = await project.backfill(1, 1).finished;
  expect(night.code).toBe(1);
  const shown = await project.run("runs", "list");
  expect(shown.stdout).toContain("failed");
  const id = /backfill__\S+/.exec(shown.stdout)?.[0] ?? "";
  const detail = await project.run("runs", "show", id);
  expect(detail.stdout).toContain("WAIT_TIMEOUT");
  expect(detail.stdout).toContain("s3://acme-sales/raw/sales/dt=2026-03-01/_SUCCESS");
});

test("too many rejected lines stop the night at the gate and leave the mart as it was", async () => {
  await project.upload(2);
  expect((await project.backfill(1, 1).finished).code).toBe(0);
  const before = await mart();
  const unpriced = Array.from({ length: 40 }, (_, index) => `x${index},S001,2026-03-02 10:00:00,P1,1,`);
  const broken = ["sale_id,store_id,sold_at,product_id,quantity,unit_price", ...unpriced, ""].join("\n");
  await project.put("raw/sales/dt=2026-03-02/broken.csv", Buffer.from(broken));
  const strict = await project.backfill(2, 2).finished;
  expect(strict.code).toBe(1);
  expect(await mart()).toEqual(before);
  const runs = await project.remoteRuns();
  expect(runs.filter((run) => run.service === "EMR" && run.name.includes("aggregate")).length).toBe(1);
});

test("a Glue run that is stuck is stopped at its timeout, and the next try is green", async () => {
  await project.close();
  await setUp((yaml) => yaml.replace("operator: glue.job", "operator: glue.job\n    timeout: 3s"));
  await project.upload(1);
  await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", times: 1 });
  const night = await project.backfill(1, 1).finished;
  expect(night.code, night.stderr).toBe(0);
  const glue = (await project.remoteRuns()).filter((run) => run.service === "Glue");
  expect(glue.map((run) => run.state).sort()).toEqual(["STOPPED", "SUCCEEDED"]);
});
