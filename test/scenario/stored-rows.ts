import { expect } from "vitest";
import { hasDebts } from "../../engine/core/machine/attempt-debts.ts";
import type { RunRows } from "../../engine/core/machine/run-rows.ts";
import { isTransition } from "../../engine/core/machine/transitions.ts";
import type { Attempt, DagRun, ExpansionRow, LedgerEntry, TaskInstance } from "../../engine/core/records.ts";
import type { FlushBatch } from "../../engine/core/flush-batch.ts";
import { isFinished, isRunFinished, TASK_STATES, type TaskState } from "../../engine/core/states.ts";

type OutputRow = FlushBatch["outputs"][number];

const taskKey = ({ taskNo, mapIndex }: Pick<TaskInstance, "taskNo" | "mapIndex">): string => `${taskNo}/${mapIndex}`;
const tryKey = (row: Pick<Attempt, "taskNo" | "mapIndex" | "tryNumber">): string => `${taskKey(row)}/${row.tryNumber}`;

/** From where one can come, by the transition table, within one flush: several steps leave one net change. */
const reached = new Map<TaskState, ReadonlySet<TaskState>>(
  TASK_STATES.map((from) => {
    const found = new Set<TaskState>([from]);
    for (const at of found) for (const to of TASK_STATES) if (isTransition(at, to)) found.add(to);
    return [from, found];
  }),
);

/** The rows of one run as Postgres keeps them: takes flushes as the statements do, and refuses what they would refuse. */
export class StoredRows {
  run: DagRun | null = null;
  readonly tasks = new Map<string, TaskInstance>();
  readonly attempts = new Map<string, Attempt>();
  private readonly outputs = new Map<string, OutputRow>();
  private readonly expansions = new Map<string, ExpansionRow>();
  private readonly ledger: LedgerEntry[] = [];

  take(batch: FlushBatch): void {
    for (const run of batch.runsCreated) this.run = run;
    for (const { from, to } of batch.runsChanged) {
      expect(this.run?.state, "the run's state before the flush").toBe(from.state);
      this.run = to;
    }
    if (this.run) expectSoundRun(this.run);
    const states = new Map([...this.tasks].map(([key, { state }]) => [key, state]));
    for (const task of batch.tasksCreated) {
      expect(this.tasks.has(taskKey(task)), `task ${taskKey(task)} is made once`).toBe(false);
      this.tasks.set(taskKey(task), task);
    }
    for (const { from, to } of batch.tasksChanged) {
      const { state, tryNumber } = this.tasks.get(taskKey(to)) ?? {};
      expect({ state, tryNumber }, `task ${taskKey(to)} before the flush`).toEqual({
        state: from.state,
        tryNumber: from.tryNumber,
      });
      this.tasks.set(taskKey(to), to);
    }
    for (const task of [...batch.tasksCreated, ...batch.tasksChanged.map(({ to }) => to)]) expectSoundTask(task);
    this.takeHistory(batch, states);
    for (const attempt of batch.attemptsCreated) {
      expect(this.attempts.has(tryKey(attempt)), `try ${tryKey(attempt)} is made once`).toBe(false);
      this.attempts.set(tryKey(attempt), attempt);
    }
    for (const { from, to } of batch.attemptsChanged) {
      expect(this.attempts.get(tryKey(to))?.state, `try ${tryKey(to)} before the flush`).toBe(from.state);
      this.attempts.set(tryKey(to), to);
    }
    for (const attempt of [...batch.attemptsCreated, ...batch.attemptsChanged.map(({ to }) => to)])
      expectSoundAttempt(attempt);
    for (const output of batch.outputs) {
      expect(this.outputs.has(tryKey(output)), `one output of try ${tryKey(output)}`).toBe(false);
      this.outputs.set(tryKey(output), output);
    }
    for (const row of batch.expansions) this.expansions.set(taskKey(row), row);
    this.ledger.push(...batch.ledger);
  }

  /** History tells every change of a state, once for each flush, and nothing else. */
  private takeHistory({ history, tasksCreated }: FlushBatch, before: ReadonlyMap<string, TaskState>): void {
    const told = new Map(history.filter(({ from, to }) => from !== to).map((entry) => [taskKey(entry), entry]));
    const made = new Set(tasksCreated.map(taskKey));
    for (const [key, { state }] of this.tasks) {
      const earlier = before.get(key) ?? "none";
      const entry = told.get(key);
      if (earlier === state || (made.has(key) && entry === undefined)) continue;
      expect({ from: entry?.from, to: entry?.to }, `history of task ${key}`).toEqual({ from: earlier, to: state });
      expect(reached.get(earlier)?.has(state), `${earlier} leads to ${state}`).toBe(true);
    }
  }

  /** Whether a process that takes over has to know the run. */
  get isOpen(): boolean {
    return this.run !== null && (!isRunFinished(this.run.state) || [...this.attempts.values()].some(isOwing));
  }

  /** As the store reads them: newest attempts and those that owe, their outputs, what counts of the ledger. */
  read(): RunRows {
    if (!this.run) throw new Error("nothing has been flushed");
    const tasks = [...this.tasks.values()];
    const newest = new Set(tasks.map(tryKey));
    return {
      run: this.run,
      tasks,
      attempts: [...this.attempts.values()].filter((each) => newest.has(tryKey(each)) || isOwing(each)),
      outputs: [...this.outputs.values()].filter((row) => newest.has(tryKey(row))),
      expansions: [...this.expansions.values()],
      booked: this.booked(),
    };
  }

  private booked(): RunRows["booked"] {
    const lines = new Map<string, LedgerEntry>();
    for (const entry of this.ledger) {
      const key = `${tryKey(entry)}/${entry.usageKind}`;
      if (entry.kind !== "accrued" || lines.get(key)?.kind !== "settled") lines.set(key, entry);
    }
    return [...lines.values()].map((entry) => ({
      ...entry,
      intentAt: this.attempts.get(tryKey(entry))?.intentAt ?? 0,
    }));
  }
}

/** What is read of attempts even when the run has ended or waits. */
const isOwing = (attempt: Attempt): boolean =>
  (attempt.state === "open" && attempt.ending !== null) || hasDebts(attempt);

// What the CHECKs of the tables demand, and what no time may be.

function expectSoundRun({ state, startedAt, endedAt }: DagRun): void {
  if (state === "queued") expect([startedAt, endedAt]).toEqual([null, null]);
  if (state === "running") expect([startedAt === null, endedAt]).toEqual([false, null]);
  if (isRunFinished(state)) expect(endedAt).not.toBeNull();
}

function expectSoundTask(task: TaskInstance): void {
  const { state, startedAt, endedAt, retryAt } = task;
  expect(endedAt !== null, `ended_at of ${JSON.stringify(task)}`).toBe(isFinished(state));
  if (state === "up_for_retry") expect(retryAt).not.toBeNull();
  if (state === "running") expect(startedAt, `started_at of ${JSON.stringify(task)}`).not.toBeNull();
  for (const at of [startedAt, endedAt, retryAt]) expect(at === null || Number.isSafeInteger(at)).toBe(true);
}

function expectSoundAttempt({ state, endedAt, failure }: Attempt): void {
  if (state === "open") expect(endedAt).toBeNull();
  if (state === "succeeded" || state === "failed") expect(endedAt).not.toBeNull();
  if (state === "failed") expect(failure).not.toBeNull();
}
