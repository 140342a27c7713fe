import { Decimal } from "decimal.js";
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { startMailServer, type MailServer } from "../notify/mail-server.ts";
import { HomeProject } from "./home-project.ts";
import { until } from "./project.ts";
import type { RunningSystem } from "./running-system.ts";

const DAG = "runaway_glue";
const LIMIT = 25;
/** Ten minutes of the clock are a second. */
const SCALE = ["--time-scale", "600"];
const MINUTES = 180_000;

let project: HomeProject;
let server: MailServer;

beforeEach(async () => {
  project = new HomeProject();
  server = await startMailServer();
  onTestFinished(() => server.close());
  project.configure({ smtp_url: server.url });
  // Only the budget may end its cluster, however long a machine is busy with other things.
  project.writeDag(DAG, project.shippedDag(DAG).replace("idle_timeout: 6h", "idle_timeout: 150h"));
  project.writeDag("nightly_store_sales", "dag: nightly_store_sales\ntasks:\n  rest: { operator: noop }\n");
});
afterEach(() => project.close());

/** Starts the runaway run: its Glue job never ends by itself. */
async function runAway(): Promise<RunningSystem> {
  const system = await project.up(...SCALE);
  await watchTheLedger();
  await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run" });
  const triggered = await system.ask(`/api/v2/dags/${DAG}/dagRuns`, { method: "POST", body: "{}" });
  expect(triggered.status, await triggered.clone().text()).toBe(200);
  return system;
}

/** One change that a transaction has made: what an attempt has used, or the decision to end the run. */
interface Seen {
  readonly transaction: string;
  readonly what: "usage" | "ending";
  readonly item: string;
  readonly amount: string | null;
  readonly at: Date;
}

/** The ledger keeps one row for what an attempt has used so far: Postgres writes down each change of it, and of the ending. */
async function watchTheLedger(): Promise<void> {
  await project.rows(`CREATE TABLE seen (
    number bigint GENERATED ALWAYS AS IDENTITY, transaction text DEFAULT pg_current_xact_id()::text,
    what text, item text, amount numeric, at timestamptz)`);
  await project.rows(`CREATE FUNCTION see_usage() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen (what, item, amount, at)
    VALUES ('usage', NEW.task_no || '/' || NEW.try_number || '/' || NEW.usage_kind, NEW.amount, NEW.at);
    RETURN NULL; END $$`);
  await project.rows(`CREATE FUNCTION see_ending() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    INSERT INTO seen (what, item, at)
    VALUES ('ending', NEW.ending ->> 'cause', instant((NEW.ending ->> 'at')::float8));
    RETURN NULL; END $$`);
  await project.rows(`CREATE TRIGGER see_usage AFTER INSERT OR UPDATE ON ledger
    FOR EACH ROW EXECUTE FUNCTION see_usage()`);
  await project.rows(`CREATE TRIGGER see_ending AFTER UPDATE ON dag_run
    FOR EACH ROW WHEN (OLD.ending IS NULL AND NEW.ending IS NOT NULL) EXECUTE FUNCTION see_ending()`);
}

/** What the run had spent after each transaction that changed it. */
async function spending(): Promise<{ transaction: string; spent: Decimal; isEnding: boolean }[]> {
  const seen = await project.rows<Seen>("SELECT transaction, what, item, amount::text, at FROM seen ORDER BY number");
  const amounts = new Map<string, Decimal>();
  return [...new Set(seen.map(({ transaction }) => transaction))].map((transaction) => {
    const changes = seen.filter((each) => each.transaction === transaction);
    for (const { item, amount } of changes) if (amount !== null) amounts.set(item, new Decimal(amount));
    const spent = Decimal.sum(0, ...amounts.values());
    return { transaction, spent, isEnding: changes.some(({ what }) => what === "ending") };
  });
}

interface Shown {
  readonly state: string;
  readonly ending: { readonly cause: string } | null;
  readonly budget_level: string;
}
const theRun = async (): Promise<Shown | undefined> =>
  (await project.rows<Shown>("SELECT state, ending, budget_level FROM dag_run WHERE dag_id = $1", [DAG]))[0];

/** Waits for the end of the run and of its mails, and looks at all that must be so then. */
async function expectStopped(system: RunningSystem): Promise<void> {
  await until("the end of the run", async () => (await theRun())?.state === "failed", MINUTES);
  expect(await theRun()).toMatchObject({ ending: { cause: "budget" }, budget_level: "exceeded" });
  const jobs = await project.remoteRuns();
  expect(jobs.map(({ service, state }) => [service, state]).sort()).toEqual([
    ["EMR", "TERMINATED"],
    ["Glue", "STOPPED"],
  ]);
  const tasks = await project.rows<{ task_id: string; state: string; failure_code: string | null }>(
    `SELECT task_id, task.state, failure_code
     FROM task_instance AS task JOIN dag_run USING (run_id) JOIN dag_task USING (dag_id, task_no)
       LEFT JOIN attempt USING (run_id, task_no, map_index)
     WHERE dag_id = $1 ORDER BY task_id`,
    [DAG],
  );
  expect(tasks).toEqual([
    { task_id: "aggregate_again", state: "skipped", failure_code: null },
    { task_id: "clean_again", state: "failed", failure_code: "BUDGET_EXCEEDED" },
    { task_id: "create_cluster", state: "success", failure_code: null },
    { task_id: "terminate_cluster", state: "success", failure_code: null },
  ]);
  await until(
    "both mails sent",
    async () => (await project.rows("SELECT FROM outbox WHERE state = 'sent'")).length === 2,
    MINUTES,
  );
  // The cluster's last minutes are known a moment after its end.
  const open = () => project.rows("SELECT FROM attempt WHERE settle_at IS NOT NULL");
  await until("the final bills", async () => (await open()).length === 0, MINUTES);
  expect((await system.stop()).code).toBe(0);
  // A mail whose answer a kill swallowed comes again, under the same Message-ID.
  const kinds = new Map(
    server.arrived.map(({ headers }) => [headers.get("message-id"), headers.get("x-nocturne-kind")]),
  );
  expect([...kinds.values()].sort()).toEqual(["budget_exceeded", "budget_warning"]);
  expect(await project.rows("SELECT FROM outbox")).toHaveLength(2);
}

/** What counts of the run, as the ledger has it in the end. */
async function settled(): Promise<Decimal> {
  const rows = await project.rows<{ amount: string }>(
    "SELECT amount::text FROM booked JOIN dag_run USING (run_id) WHERE dag_id = $1",
    [DAG],
  );
  return Decimal.sum(0, ...rows.map(({ amount }) => amount));
}

describe("a run that passes its budget", () => {
  test("is stopped by the very look that saw it pass, tells it once, and the ledger says what was spent", async () => {
    const system = await runAway();
    await expectStopped(system);

    const steps = await spending();
    const over = steps.findIndex(({ spent }) => spent.gt(LIMIT));
    const ended = steps.findIndex(({ isEnding }) => isEnding);
    // One transaction: what the look saw, and the decision that follows from it.
    expect(ended).toBe(over);
    expect(over).toBeGreaterThan(1);
    const crossed = steps[over]?.spent ?? new Decimal(0);
    expect(server.arrived).toHaveLength(2);

    const spent = await settled();
    expect(spent.gte(crossed)).toBe(true);
    const facts = await project.rows<{ spent: string }>(
      "SELECT payload -> 'budget' ->> 'spent' AS spent FROM outbox WHERE kind = 'budget_exceeded'",
    );
    expect(facts[0]?.spent).toBe(crossed.toFixed());
    const bill = await project.rows<{ usage_kind: string; kind: string }>(
      "SELECT usage_kind, kind FROM booked ORDER BY usage_kind",
    );
    expect(bill).toEqual([
      { usage_kind: "emr.m5.xlarge.instance_hour", kind: "settled" },
      { usage_kind: "glue.dpu_hour", kind: "settled" },
    ]);
  });

  test("is stopped once, and told once, when Nocturne is killed between the decision and the cancel", async () => {
    const first = await runAway();
    await project.fault({ operation: "Glue.BatchStopJobRun", kind: "hang", times: 1_000 });
    await until("the wish to stop it", async () => (await project.calls("Glue.BatchStopJobRun")) > 0, MINUTES);
    await first.stop("SIGKILL");
    expect(await theRun()).toMatchObject({ state: "running", ending: { cause: "budget" }, budget_level: "exceeded" });
    expect((await project.remoteRuns()).find(({ service }) => service === "Glue")?.state).toBe("RUNNING");
    await project.clearFaults();

    // A mail that was under way is the dead process's for two minutes: they pass.
    await project.rows("UPDATE outbox SET next_try_at = clock_timestamp() WHERE state = 'pending'");
    const second = await project.up();
    await expectStopped(second);
    expect((await spending()).filter(({ isEnding }) => isEnding)).toHaveLength(1);
    expect((await settled()).gt(LIMIT)).toBe(true);
  });

  test("is stopped by the next start when Nocturne was killed after its warning", async () => {
    const first = await runAway();
    await until("the warning", async () => (await theRun())?.budget_level === "warned", MINUTES);
    await first.stop("SIGKILL");

    await project.rows("UPDATE outbox SET next_try_at = clock_timestamp() WHERE state = 'pending'");
    const second = await project.up();
    await expectStopped(second);
    expect((await spending()).filter(({ isEnding }) => isEnding)).toHaveLength(1);
  });
});
