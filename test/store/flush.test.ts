import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { DagVersionToPublish } from "../../engine/core/flush-batch.ts";
import { enqueue, pendingCommands, commandResult, withdraw } from "../../engine/store/inbox.ts";
import {
  dagFile,
  existingRuns,
  frozenParams,
  loadRun,
  loadWorld,
  loadVersions,
  versionById,
} from "../../engine/store/load.ts";
import { AT, FROZEN, attempt, backfill, entry, run, task, version } from "./batches.ts";
import { Writer, somebodyWaits, storeOfThisFile } from "./fleet.ts";
import { untilSo } from "../setup/until.ts";

const here = storeOfThisFile();
let writer: Writer;
let dag: DagVersionToPublish;

beforeAll(async () => {
  writer = await Writer.take(here.store);
  dag = version("nightly", 1, { extract: 1, load: 2 });
  await writer.write({ versions: [dag] });
});
afterAll(() => writer.close());

/** A run with two tasks, the first of which is launched and runs. */
async function runningRun() {
  const queued = run(dag);
  const running = { ...queued, state: "running", startedAt: AT } as const;
  const extract = task(queued, 1, { state: "running", tryNumber: 1, startedAt: AT });
  const load = task(queued, 2);
  const first = attempt(extract, { ref: { runId: "jr_1" }, submittedAt: AT });
  await writer.write({
    runsCreated: [running],
    tasksCreated: [extract, load],
    frozenParams: [FROZEN],
    attemptsCreated: [first],
  });
  return { run: running, extract, load, attempt: first };
}

describe("a flush", () => {
  it("writes everything and loads it as it was, to the millisecond", async () => {
    const whole = backfill("nightly", { conf: { why: "rerun" } });
    const begun = { state: "running", startedAt: AT + 1, concurrencyKey: "2026-01", isReopened: false } as const;
    const ended = run(dag, { backfillId: whole.backfillId, ...begun });
    const extract = task(ended, 1, { state: "success", tryNumber: 2, startedAt: AT + 1, endedAt: AT + 2 });
    const load = task(ended, 2, { state: "up_for_retry", tryNumber: 1, startedAt: AT + 3, retryAt: AT + 4 });
    const good = attempt(extract, {
      state: "succeeded",
      ref: "jr_1",
      submittedAt: AT + 1,
      endedAt: AT + 2,
      settleAt: AT + 900_001,
      duplicates: [
        { ref: { id: "jr_2" }, isCancelled: true },
        { ref: "jr_3", isCancelled: false },
      ],
      links: [{ label: "console", url: "https://console.aws.amazon.com/" }],
    });
    const bad = attempt(load, {
      state: "failed",
      pushbacks: 3,
      doubtAt: AT + 5,
      everInDoubt: true,
      searchAt: AT + 6,
      endedAt: AT + 7,
      ending: { cause: "timeout", then: "retry_or_fail", by: "engine", at: AT + 6 },
      failure: { class: "permanent", code: "JOB_FAILED", message: 'line 1\nline 2 "quoted" \\ {a,b}' },
      logTail: ["one", 'two, "three"', ""],
    });
    const outcome = await writer.flush({
      backfillsCreated: [whole],
      runsCreated: [ended],
      tasksCreated: [extract, load],
      frozenParams: [FROZEN],
      attemptsCreated: [good, bad],
      outputs: [{ ...extract, output: { rows: 12, names: ["a", null] } }],
      history: [{ ...extract, from: "none", to: "success", why: "the job succeeded", by: "engine", at: AT + 2 }],
      ledger: [entry(good)],
    });
    expect(outcome.kind).toBe("committed");

    const world = await loadWorld(here.store);
    expect(world.runs).toContainEqual(ended);
    expect(world.tasks).toEqual(expect.arrayContaining([extract, load]));
    expect(world.attempts).toEqual(expect.arrayContaining([good, bad]));
    expect(world.backfills).toContainEqual(whole);
    expect(world.outputs).toContainEqual({
      runId: ended.runId,
      taskNo: 1,
      mapIndex: -1,
      output: { rows: 12, names: ["a", null] },
    });
    expect(world.versions).toContainEqual(dag.version);
    expect(world.currentVersion).toEqual({ nightly: dag.version.versionId });
    expect(world.pools).toEqual({ glue: 3 });
    expect(world.dagTasks).toContainEqual({ dagId: "nightly", taskNo: 2, taskId: "load" });
    expect(await loadRun(here.store, ended.runId)).toMatchObject({ run: ended, tasks: [extract, load] });
    expect(await existingRuns(here.store, "nightly", [ended.logicalAt ?? 0, 1])).toEqual([ended]);
  });

  it("answers with Postgres's clock", async () => {
    const { rows } = await here.store.pool.query<{ now: number }>(
      "SELECT extract(epoch FROM clock_timestamp())::float8 * 1000 AS now",
    );
    const outcome = await writer.flush({});
    expect(outcome).toMatchObject({ kind: "committed" });
    const now = outcome.kind === "committed" ? outcome.now : 0;
    expect(now - (rows[0]?.now ?? 0)).toBeGreaterThan(-2);
    expect(now - (rows[0]?.now ?? 0)).toBeLessThan(10_000);
  });

  it("keeps frozen parameters and a version's files byte for byte, and an output only with its own try", async () => {
    const { extract } = await runningRun();
    expect(JSON.stringify(await frozenParams(here.store, FROZEN.hash))).toBe(JSON.stringify(FROZEN.params));
    const stored = await dagFile(here.store, dag.version.versionId, "sql/clean.sql");
    expect(Buffer.from(stored ?? [])).toEqual(dag.files[0]?.bytes);
    expect(await dagFile(here.store, dag.version.versionId, "sql/other.sql")).toBeNull();
    const done = { ...extract, state: "success", endedAt: AT } as const;
    const again = { ...extract, state: "none", startedAt: null, tryNumber: 2 } as const;
    await writer.write({ tasksChanged: [{ from: extract, to: done }], outputs: [{ ...extract, output: 1 }] });
    expect((await loadRun(here.store, extract.runId))?.outputs).toHaveLength(1);
    await writer.write({ tasksChanged: [{ from: done, to: again }] });
    expect((await loadRun(here.store, extract.runId))?.outputs).toEqual([]);
  });
});

describe("rule 4: every statement states what it expects", () => {
  it("a task in another state rolls everything back", async () => {
    const { run: of, extract, load } = await runningRun();
    const outcome = await writer.flush({
      tasksChanged: [
        { from: load, to: { ...load, state: "scheduled" } },
        { from: { ...extract, state: "queued" }, to: { ...extract, state: "success", endedAt: AT } },
      ],
    });
    expect(outcome).toEqual({ kind: "conflict", message: "tasks changed: 1 of 2 rows as expected" });
    const rows = await loadRun(here.store, of.runId);
    expect(rows?.tasks).toEqual([extract, load]);
  });

  it("a task in another try rolls back too", async () => {
    const { extract } = await runningRun();
    const to = { ...extract, state: "success", endedAt: AT } as const;
    const outcome = await writer.flush({ tasksChanged: [{ from: { ...extract, tryNumber: 2 }, to }] });
    expect(outcome.kind).toBe("conflict");
  });

  it("so do a run, an attempt and a backfill in another state", async () => {
    const { run: of, attempt: open } = await runningRun();
    const whole = backfill("nightly");
    await writer.write({ backfillsCreated: [whole] });
    const succeeded = { ...open, state: "succeeded", endedAt: AT } as const;
    const success = { ...of, state: "success", endedAt: AT } as const;
    const completed = { ...whole, state: "completed", completedAt: AT } as const;
    expect(await writer.flush({ attemptsChanged: [{ from: succeeded, to: succeeded }] })).toMatchObject({
      kind: "conflict",
    });
    expect(await writer.flush({ runsChanged: [{ from: success, to: success }] })).toMatchObject({ kind: "conflict" });
    expect(await writer.flush({ backfillsChanged: [{ from: completed, to: completed }] })).toMatchObject({
      kind: "conflict",
    });
    const outcome = await writer.flush({
      attemptsChanged: [{ from: open, to: succeeded }],
      runsChanged: [{ from: of, to: success }],
      backfillsChanged: [{ from: whole, to: completed }],
    });
    expect(outcome.kind).toBe("committed");
  });

  it("a row that should be new and exists already rolls back", async () => {
    const { extract, attempt: open } = await runningRun();
    expect(await writer.flush({ tasksCreated: [extract] })).toMatchObject({ kind: "conflict" });
    expect(await writer.flush({ attemptsCreated: [open] })).toMatchObject({ kind: "conflict" });
  });

  it("the session goes on after a flush that was rolled back, also with statements it had not used before", async () => {
    const { extract } = await runningRun();
    const fresh = await Writer.take(here.store);
    const wrong = { ...extract, tryNumber: 7 };
    const history = [{ ...extract, from: "none", to: "none", why: "a note", by: "engine", at: AT }] as const;
    expect(await fresh.flush({ tasksChanged: [{ from: wrong, to: wrong }], history })).toMatchObject({
      kind: "conflict",
    });
    expect(await fresh.flush({ history })).toMatchObject({ kind: "committed" });
    await Promise.all([fresh.close(), writer.close()]);
    writer = await Writer.take(here.store);
  });
});

describe("rule 7: poison stays out", () => {
  it("NUL, half surrogates and endless texts are cleaned at the edge", async () => {
    const { run: of, extract, attempt: open } = await runningRun();
    const failure = {
      class: "permanent",
      code: "JOB_FAILED",
      message: `bad \u0000 \ud800 ${"x".repeat(20_000)}`,
    } as const;
    const failed = {
      ...open,
      state: "failed",
      endedAt: AT,
      failure,
      logTail: ["a\u0000b"],
      ref: { "k\u0000": "\udfff" },
    } as const;
    await writer.write({
      tasksChanged: [{ from: extract, to: { ...extract, state: "failed", endedAt: AT } }],
      attemptsChanged: [{ from: open, to: failed }],
      runsChanged: [{ from: of, to: { ...of, conf: { a: "\u0000" }, quarantine: "why\u0000" } }],
      history: [{ ...extract, from: "running", to: "failed", why: "because\u0000", by: "x\u0000", at: AT }],
      outputs: [{ ...extract, output: ["\u0000"] }],
    });
    const rows = await loadRun(here.store, of.runId);
    const stored = rows?.attempts.find(({ taskNo }) => taskNo === 1);
    expect(stored?.failure?.message).toMatch(/^bad \uFFFD \uFFFD x+ … \(cut\)$/);
    expect(stored?.failure?.message.length).toBe(8_000);
    expect(stored?.logTail).toEqual(["a\uFFFDb"]);
    expect(stored?.ref).toEqual({ "k\uFFFD": "\uFFFD" });
    expect(rows?.run).toMatchObject({ conf: { a: "\uFFFD" }, quarantine: "why\uFFFD" });
  });

  it("data that Postgres refuses is told by its SQLSTATE, and nothing is written", async () => {
    const { run: of, extract, attempt: open } = await runningRun();
    const changed = { tasksChanged: [{ from: extract, to: { ...extract, state: "success", endedAt: AT } as const }] };
    const noNumber = await writer.flush({ ...changed, ledger: [entry(open, { amount: "a lot" })] });
    expect(noNumber).toMatchObject({ kind: "bad_data", sqlstate: "22P02" });
    const untied = await writer.flush({ tasksChanged: [{ from: extract, to: { ...extract, state: "success" } }] });
    expect(untied).toMatchObject({ kind: "bad_data", sqlstate: "23514" });
    const noTime = await writer.flush({ runsChanged: [{ from: of, to: { ...of, startedAt: NaN } }] });
    expect(noTime).toMatchObject({ kind: "bad_data", sqlstate: "22008" });
    expect((await loadRun(here.store, of.runId))?.tasks).toContainEqual(extract);
  });
});

describe("rule 26: a run's key", () => {
  it("is unique by DAG and run id, and by DAG and logical date", async () => {
    const first = run(dag);
    await writer.write({ runsCreated: [first] });
    const sameId = run(dag, { dagRunId: first.dagRunId });
    const sameDate = run(dag, { logicalAt: first.logicalAt });
    for (const twin of [sameId, sameDate]) {
      const outcome = await writer.flush({ runsCreated: [run(dag), twin] });
      expect(outcome).toEqual({ kind: "conflict", message: "run keys created: 1 of 2 rows as expected" });
    }
    expect(await loadRun(here.store, sameId.runId)).toBeNull();
  });

  it("any number of runs of a DAG may have no logical date", async () => {
    const outcome = await writer.flush({ runsCreated: [run(dag, { logicalAt: null }), run(dag, { logicalAt: null })] });
    expect(outcome.kind).toBe("committed");
  });

  it("another DAG may use the same id and date", async () => {
    const other = version("other", 1, { extract: 1 });
    const first = run(dag);
    const twin = run(other, { dagRunId: first.dagRunId, logicalAt: first.logicalAt });
    expect(await writer.flush({ versions: [other], runsCreated: [first, twin] })).toMatchObject({ kind: "committed" });
  });
});

describe("rule 27: numbers of tasks", () => {
  it("are kept when a version drops a task, and a new task takes the next one", async () => {
    const first = version("grows", 1, { extract: 1, load: 2 });
    const second = version("grows", 2, { load: 2, publish: 3 });
    await writer.write({ versions: [first] });
    await writer.write({ versions: [second] });
    const { currentVersion } = await loadWorld(here.store);
    expect(currentVersion["grows"]).toBe(second.version.versionId);
    const { dagTasks } = await loadVersions(here.store, [second.version.versionId]);
    const numbers = dagTasks.filter(({ dagId }) => dagId === "grows").map(({ taskId, taskNo }) => [taskId, taskNo]);
    expect(Object.fromEntries(numbers)).toEqual({ extract: 1, load: 2, publish: 3 });
    expect(await versionById(here.store, first.version.versionId)).toEqual(first.version);
  });

  it("never change: another number for a known task is a conflict, and so is a taken number for a new one", async () => {
    await writer.write({ versions: [version("fixed", 1, { extract: 1 })] });
    const renumbered = await writer.flush({ versions: [version("fixed", 2, { extract: 2 })] });
    expect(renumbered).toEqual({ kind: "conflict", message: "task numbers: 0 of 1 rows as expected" });
    const reused = await writer.flush({ versions: [version("fixed", 2, { load: 1 })] });
    expect(reused).toMatchObject({ kind: "conflict" });
    const repeated = await writer.flush({ versions: [version("fixed", 1, { extract: 1 })] });
    expect(repeated).toMatchObject({ kind: "conflict" });
  });
});

describe("rule 30: the inbox", () => {
  it("gives commands in their order, and marks them applied in the flush of what they changed", async () => {
    const first = await enqueue(here.store, { kind: "cancel_run", runId: "r1", by: "ann" });
    const second = await enqueue(here.store, { kind: "cancel_run", runId: "r2", by: "bob\u0000" });
    expect(await pendingCommands(here.store)).toEqual([
      { id: first, body: { kind: "cancel_run", runId: "r1", by: "ann" } },
      { id: second, body: { kind: "cancel_run", runId: "r2", by: "bob\uFFFD" } },
    ]);
    const made = run(dag);
    const results = [
      { id: second, result: { ok: true, value: { run_id: "r2" } } },
      { id: first, result: { ok: false, code: "RUN_NOT_FOUND", message: "no r1" } },
    ] as const;
    await writer.write({ runsCreated: [made], commandsApplied: results });
    expect(await pendingCommands(here.store)).toEqual([]);
    expect(await commandResult(here.store, first)).toEqual(results[1].result);
    expect(await commandResult(here.store, second)).toEqual(results[0].result);
    expect(await withdraw(here.store, first)).toBe(false);
    expect(await loadRun(here.store, made.runId)).not.toBeNull();
  });

  it("a withdrawal that comes while the flush is under way waits, loses, and finds the result", async () => {
    const id = await enqueue(here.store, { kind: "cancel_run", runId: "r1", by: "ann" });
    const blocker = await here.store.pool.connect();
    await blocker.query("BEGIN; LOCK TABLE run_key IN ACCESS EXCLUSIVE MODE");
    const result = { ok: true, value: { done: 1 } } as const;
    const flushed = writer.flush({ runsCreated: [run(dag)], commandsApplied: [{ id, result }] });
    await untilSo(() => somebodyWaits(here.store, /flush_runs_created/));
    const withdrawn = withdraw(here.store, id);
    await untilSo(() => somebodyWaits(here.store, /'withdrawn'/));
    await blocker.query("COMMIT");
    blocker.release();
    expect(await flushed).toMatchObject({ kind: "committed" });
    expect(await withdrawn).toBe(false);
    expect(await commandResult(here.store, id)).toEqual(result);
  });

  it("a command that was withdrawn first takes the whole flush back", async () => {
    const id = await enqueue(here.store, { kind: "cancel_run", runId: "r1", by: "ann" });
    expect(await withdraw(here.store, id)).toBe(true);
    const made = run(dag);
    const outcome = await writer.flush({
      runsCreated: [made],
      commandsApplied: [{ id, result: { ok: true, value: {} } }],
    });
    expect(outcome).toEqual({ kind: "conflict", message: "commands applied: 0 of 1 rows as expected" });
    expect(await loadRun(here.store, made.runId)).toBeNull();
    expect(await commandResult(here.store, id)).toBeNull();
    expect(await pendingCommands(here.store)).toEqual([]);
  });
});
