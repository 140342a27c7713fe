import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Project, until } from "./project.ts";
import { RunningSystem } from "./running-system.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => project.close());

const RELEASE = `dag: release
tasks:
  choose: { operator: branch, with: { choose: publish } }
  ask: { operator: approval, depends_on: [choose], with: { message: never asked } }
  publish: { operator: approval, depends_on: [choose], with: { message: "Publish {{ ds }}?" } }
  refresh:
    operator: dag.trigger
    depends_on: [ask, publish]
    trigger_rule: none_failed_min_one_success
    with: { dag: refresh }
    produces: [release]
---
dag: refresh
tasks:
  refresh: { operator: noop }
---
dag: after_release
on_assets: release
tasks:
  tell: { operator: noop }
`;

test("a branch, a person's word, another DAG's run and an asset lead a run to its end", async () => {
  rmSync(join(project.folder, "dags", "nightly_store_sales.yaml"));
  writeFileSync(join(project.folder, "nocturne.yaml"), "home: home\n");
  writeFileSync(join(project.folder, "dags", "release.yaml"), RELEASE);
  const system = await RunningSystem.start(project, "--aws", "local");
  const made = await system.ask("/api/v2/dags/release/dagRuns", { method: "POST", body: "{}" });
  const { dag_run_id: run } = (await made.json()) as { dag_run_id: string };
  await until("the question", async () => {
    const { approvals } = await system.get<{ approvals: readonly object[] }>("/api/v2/approvals");
    return approvals.length === 1;
  });
  const approved = await project.run("tasks", "approve", run, "publish", "--note", "checked", "--json");
  expect(approved.code, approved.stderr).toBe(0);
  const late = await project.run("tasks", "reject", run, "publish");
  expect(late.stderr).toContain("APPROVAL_DECIDED");
  const stateOf = async (dag: string): Promise<string | undefined> => (await system.runs(dag))[0]?.state;
  await until("the end of all three", async () => (await stateOf("after_release")) === "success");
  expect(await system.runs("refresh")).toMatchObject([{ state: "success", run_type: "manual" }]);
  expect(await system.runs("after_release")).toMatchObject([{ run_type: "asset_triggered" }]);
  await until("the end of the run", async () => (await stateOf("release")) === "success");
  const listed = await project.run("assets", "events", "--json");
  expect(JSON.parse(listed.stdout)).toMatchObject({
    events: [{ asset: "release", dag_id: "release", task_id: "refresh" }],
  });
  await system.stop();
});
