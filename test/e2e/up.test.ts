import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Project, until } from "./project.ts";
import { RunningSystem } from "./running-system.ts";

const SALES = "nightly_store_sales";
let project: Project;

beforeEach(() => {
  project = new Project();
});
afterEach(() => project.close());

const dagFile = (name: string): string => join(project.folder, "dags", `${name}.yaml`);
const write = (name: string, text: string): void => writeFileSync(dagFile(name), text);
const steps = (id: string, more = ""): string =>
  `dag: ${id}\n${more}tasks:\n  extract: { operator: noop }\n  load: { operator: noop, depends_on: [extract] }\n`;
const hourly = (id: string): string => steps(id, 'schedule: { cron: "0 * * * *", timezone: UTC }\n');

/** Only the DAGs that the test writes itself. */
function alone(...ids: string[]): void {
  rmSync(dagFile(SALES));
  writeFileSync(join(project.folder, "nocturne.yaml"), "home: home\n");
  for (const id of ids) write(id, hourly(id));
}

describe("a running system", () => {
  test("says one line when it is ready, answers to who has a token, and stops in order with 0", async () => {
    alone("one", "two");
    const system = await RunningSystem.start(project, "--aws", "local");
    expect(system.ready).toMatchObject({ ready: true, dags: 2, stands_by: false, inbox: join(project.home, "inbox") });
    const health = await fetch(`${system.ready.url}/api/v2/monitor/health`);
    expect(health.status).toBe(200);
    expect((await system.ask("/api/v2/dags", {}, "")).status).toBe(401);
    const { dags } = await system.get<{ dags: { dag_id: string }[] }>("/api/v2/dags");
    expect(dags.map((dag) => dag.dag_id)).toEqual(["one", "two"]);
    const stopped = await system.stop("SIGTERM");
    expect(stopped.code, stopped.stderr).toBe(0);
    expect(stopped.stdout.trim().split("\n")).toHaveLength(1);
  });

  test("takes up a changed, a new and a mended file, and goes on with the last good version of a broken one", async () => {
    alone("one");
    const system = await RunningSystem.start(project, "--aws", "local");
    write("two", hourly("two"));
    await system.says(/two\.yaml: two is new/);
    write("one", steps("one", 'description: "changed"\n'));
    await system.says(/one\.yaml: one changed/);
    write("one", "dag: one\ntasks: [\n");
    await system.says(/one\.yaml:\d+:\d+ {2}DAG_/);
    const errors = () => system.get<{ import_errors: { filename: string }[] }>("/api/v2/importErrors");
    await until("the stored problem", async () => (await errors()).import_errors.length === 1);
    const kept = await system.get<{ description: string; is_stale: boolean }>("/api/v2/dags/one");
    expect(kept).toMatchObject({ description: "changed", is_stale: false });
    write("one", steps("one", 'description: "mended"\n'));
    await system.says(/one\.yaml: no problems any more/);
    await until("no stored problem", async () => (await errors()).import_errors.length === 0);
    expect(await system.get("/api/v2/dags/one")).toMatchObject({ description: "mended" });
    rmSync(dagFile("two"));
    await system.says(/two: its file is gone/);
    expect(system.stderr.match(/DAG_YAML/g)).toHaveLength(1);
    expect((await system.stop()).code).toBe(0);
  });

  test("with a folder that is missing says so, runs, and reads it when it comes", async () => {
    alone();
    renameSync(join(project.folder, "dags"), join(project.folder, "elsewhere"));
    const system = await RunningSystem.start(project, "--aws", "local");
    expect(system.ready.dags).toBe(0);
    expect(system.stderr).toContain("no such folder of DAGs");
    mkdirSync(join(project.folder, "dags"));
    write("one", hourly("one"));
    await system.says(/one\.yaml: one is new/);
    expect((await system.stop("SIGINT")).code).toBe(0);
  });

  test("is refused a port that is taken before anything is started", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await until("the port", () => other.listening);
    const { port } = other.address() as { port: number };
    const refused = await project.run("up", "--aws", "local", "--port", String(port));
    other.close();
    expect(refused).toMatchObject({ code: 4, stdout: "" });
    expect(refused.stderr).toMatch(/^nocturne: PORT_TAKEN/);
  });

  test("stands by while another one writes, and takes over when that one is killed", async () => {
    alone("one");
    const first = await RunningSystem.start(project, "--aws", "local");
    const second = await RunningSystem.start(project, "--aws", "local");
    expect([first.ready.stands_by, second.ready.stands_by]).toEqual([false, true]);
    await first.stop("SIGKILL");
    await second.says(/this process writes now/);
    expect((await second.stop()).code).toBe(0);
  });
});

describe("a DAG that is paused", () => {
  test("starts nothing by its schedule while others do, and refuses a backfill, until it is unpaused", async () => {
    alone("clock", "held");
    const system = await RunningSystem.start(project, "--aws", "local", "--time-scale", "3600");
    const count = async (dagId: string): Promise<number> => (await system.runs(dagId)).length;
    await until("a scheduled run of each", async () => (await count("clock")) > 0 && (await count("held")) > 0);
    const paused = await project.run("dags", "pause", "held", "--aws", "local", "--json");
    expect(JSON.parse(paused.stdout), paused.stderr).toEqual({ dag_id: "held", is_paused: true, changed: true });
    const [held, clock] = [await count("held"), await count("clock")];
    await until("three more due times", async () => (await count("clock")) >= clock + 3);
    expect(await count("held")).toBe(held);
    const list = JSON.parse((await project.run("dags", "list", "--json")).stdout) as { dags: object[] };
    expect(list.dags).toMatchObject([
      { dag_id: "clock", paused: false },
      { dag_id: "held", paused: true },
    ]);
    const refused = await project.run(
      "backfill",
      "held",
      "--from",
      "2026-01-01",
      "--to",
      "2026-01-01",
      "--aws",
      "local",
    );
    expect(refused).toMatchObject({ code: 4, stderr: expect.stringContaining("DAG_PAUSED") as string });
    expect((await project.run("dags", "unpause", "held", "--aws", "local")).code).toBe(0);
    await until("a run after the pause", async () => (await count("held")) > held);
    await system.says(/held {2}scheduled__.+ {2}ended in success/);
    expect((await system.stop()).code).toBe(0);
  });
});

describe("with remote jobs", () => {
  beforeEach(async () => {
    // Last night's run waits for a file that never comes: what is asked for here runs beside it.
    const dag = readFileSync(dagFile(SALES), "utf8");
    writeFileSync(
      dagFile(SALES),
      dag.replace(/^(schedule: )/m, "max_active_runs: 4\n$1").replace(/^max_active_runs: 1\n/m, ""),
    );
    await project.startAws();
    await project.upload(2);
  });

  const glueRuns = async () => (await project.remoteRuns()).filter((run) => run.service === "Glue");

  test("a graceful stop leaves the remote job running, and the next start carries the run on", async () => {
    await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", times: 1, ms: 4000 });
    const system = await RunningSystem.start(project);
    const body = JSON.stringify({
      dag_run_id: "by_hand",
      logical_date: "2026-03-01T07:00:00Z",
      data_interval_start: "2026-03-01T07:00:00Z",
      data_interval_end: "2026-03-02T07:00:00Z",
    });
    const triggered = await system.ask(`/api/v2/dags/${SALES}/dagRuns`, { method: "POST", body });
    expect(triggered.status, await triggered.clone().text()).toBe(200);
    await until("the Glue run", async () => (await glueRuns()).some((run) => run.state === "RUNNING"));
    const stopped = await system.stop();
    expect(stopped.code, stopped.stderr).toBe(0);
    expect((await glueRuns()).map((run) => run.state)).toEqual(["RUNNING"]);
    const again = await RunningSystem.start(project);
    await again.says(/carrying on \d+ runs/);
    await again.says(/by_hand {2}ended in success/);
    expect((await glueRuns()).map((run) => run.state)).toEqual(["SUCCEEDED"]);
    expect((await again.stop()).code).toBe(0);
  });

  test("a backfill goes to the running system, which finishes it after the command was interrupted", async () => {
    const system = await RunningSystem.start(project);
    const first = await project.backfill(1, 1).finished;
    expect(first.code, first.stderr).toBe(0);
    expect(first.stderr).toContain("The running system carries it out");
    expect((JSON.parse(first.stdout) as { runs: object[] }).runs).toMatchObject([{ state: "success" }]);

    await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", times: 1, ms: 2000 });
    const second = project.backfill(2, 2);
    await until("its Glue run", async () => (await glueRuns()).some((run) => run.state === "RUNNING"));
    second.kill("SIGINT");
    const interrupted = await second.finished;
    expect(interrupted.code).toBe(130);
    expect(interrupted.stderr).toContain("the backfill goes on in the running system");
    await until("the night", async () => {
      const runs = await system.runs(SALES);
      return runs.filter(({ run_type, state }) => run_type === "backfill" && state === "success").length === 2;
    });
    expect((await system.stop()).code).toBe(0);
  });

  test("a backfill of a DAG that the running system does not know says so", async () => {
    const system = await RunningSystem.start(project);
    const folder = join(project.folder, "others/dags");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "stranger.yaml"), hourly("stranger"));
    const days = ["--from", "2026-01-01", "--to", "2026-01-01"];
    const refused = await project.run("backfill", "stranger", ...days, "--dags", folder);
    expect(refused.code).toBe(3);
    expect(refused.stderr).toContain("the running system does not know stranger");
    expect((await system.stop()).code).toBe(0);
  });

  test("dags test runs one night and leaves no history; interrupted, it ends its remote jobs", async () => {
    const tested = await project.run("dags", "test", SALES, "--date", "2026-03-01");
    expect(tested.code, tested.stderr).toBe(0);
    expect(tested.stdout).toMatch(/clean_sales +glue\.job +success/);
    const list = JSON.parse((await project.run("runs", "list", "--json")).stdout) as { runs: object[] };
    expect(list.runs).toEqual([]);

    await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", times: 1, ms: 60_000 });
    const second = project.start("dags", "test", SALES, "--date", "2026-03-02");
    await until("its Glue run", async () => (await glueRuns()).some((run) => run.state === "RUNNING"));
    second.kill("SIGINT");
    const interrupted = await second.finished;
    expect(interrupted.code).toBe(130);
    expect((await glueRuns()).map((run) => run.state).sort()).toEqual(["STOPPED", "SUCCEEDED"]);
  });
});
