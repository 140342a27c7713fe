import { createHash } from "node:crypto";
import type { DagSpec } from "../../engine/core/dag.ts";
import type { DecisionContext } from "../../engine/core/machine/events.ts";
import { bareRun } from "../../engine/core/machine/run-rows.ts";
import { World } from "../../engine/core/machine/world.ts";
import type {
  Attempt,
  DagRun,
  DagState,
  DagVersion,
  Deadline,
  Mail,
  TaskInstance,
  TakenDate,
} from "../../engine/core/records.ts";
import type { FlushBatch, LoadedWorld } from "../../engine/core/flush-batch.ts";
import { isRunFinished } from "../../engine/core/states.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { keyOf as deadlineKey } from "../../engine/core/machine/deadlines.ts";
import { keyOf } from "../../engine/core/machine/active-run.ts";
import { kindsOf, rethrow } from "./kinds.ts";
import { NOTHING_LOADED } from "./nothing-loaded.ts";

/** What the database would hold: every batch is applied, and refused where it does not match what is there. */
class Rows {
  readonly versions: DagVersion[] = [];
  readonly runs = new Map<string, DagRun>();
  readonly tasks = new Map<string, TaskInstance>();
  readonly attempts = new Map<string, Attempt>();
  readonly dags = new Map<string, DagState>();
  readonly deadlines = new Map<string, Deadline>();
  readonly mails = new Map<string, Mail>();

  apply(batch: FlushBatch): void {
    for (const { version } of batch.versions) {
      const { dagId, spec } = version;
      this.versions.push(version);
      const fresh = { dagId, isPaused: spec.paused, scheduledUntil: null, nextDueAt: null, failedRuns: 0 };
      this.dags.set(dagId, { ...fresh, ...this.dags.get(dagId), isStale: false });
    }
    for (const run of batch.runsCreated) {
      const taken = [...this.runs.values()].some((each) => each.logicalAt === run.logicalAt && run.logicalAt !== null);
      if (taken) throw new Error(`the date of ${run.dagRunId} is taken`);
      this.runs.set(run.runId, run);
    }
    for (const { to } of batch.runsChanged) this.runs.set(to.runId, to);
    for (const task of batch.tasksCreated) this.tasks.set(keyOf(task), task);
    for (const { to } of batch.tasksChanged) this.tasks.set(keyOf(to), to);
    const tryOf = (attempt: Attempt): string => `${keyOf(attempt)}/${attempt.tryNumber}`;
    for (const attempt of batch.attemptsCreated) this.attempts.set(tryOf(attempt), attempt);
    for (const { to } of batch.attemptsChanged) this.attempts.set(tryOf(to), to);
    for (const { from, to } of batch.dagsChanged) {
      const known = this.dags.get(to.dagId);
      if (known?.scheduledUntil !== from.scheduledUntil || known.isPaused !== from.isPaused) {
        throw new Error(`${to.dagId} is not as remembered`);
      }
      this.dags.set(to.dagId, to);
    }
    for (const deadline of batch.deadlinesCreated) {
      if (this.deadlines.get(deadlineKey(deadline))?.state !== "dropped" && this.deadlines.has(deadlineKey(deadline))) {
        throw new Error(`the deadline ${deadlineKey(deadline)} is there already`);
      }
      this.deadlines.set(deadlineKey(deadline), deadline);
    }
    for (const { from, to } of batch.deadlinesChanged) {
      if (this.deadlines.get(deadlineKey(to))?.state !== from.state) throw new Error(`${deadlineKey(to)} was decided`);
      this.deadlines.set(deadlineKey(to), to);
    }
    for (const mail of batch.mails) if (!this.mails.has(mail.messageId)) this.mails.set(mail.messageId, mail);
  }
}

/** A scheduled DAG under a clock of its own, with what a database would remember across restarts. */
export class Nights {
  now: number;
  readonly rows = new Rows();
  private world: World;
  private version: DagVersion;
  private ids = 0;

  constructor(spec: DagSpec, now: string) {
    this.now = Date.parse(now);
    this.version = versionOf(spec, 0);
    this.world = this.load();
    this.publish(spec);
  }

  /** The DAG's file as it now is. */
  publish(spec: DagSpec): this {
    this.version = versionOf(spec, this.version.versionNumber + 1);
    this.world.enterVersion({ version: this.version, file: "dags/nightly.yaml", source: "", files: [] });
    return this.turn();
  }

  /** The clock moves on without a turn in between: nothing ran meanwhile. */
  at(now: string): this {
    this.now = Date.parse(now);
    return this.turn();
  }

  /** The process ends and another one loads what was written. */
  restartAt(now: string): this {
    this.now = Date.parse(now);
    this.world = this.load();
    return this.turn();
  }

  pause(isPaused: boolean): this {
    this.world.planner.change(this.version.dagId, { isPaused }, this.now);
    return this.turn();
  }

  removeFile(): this {
    this.world.planner.change(this.version.dagId, { isStale: true }, this.now);
    return this.turn();
  }

  /** Somebody made a run of this date before the schedule did. */
  made(run: Partial<DagRun> & Pick<DagRun, "runId" | "logicalAt">): this {
    const row: DagRun = {
      dagId: this.version.dagId,
      dagRunId: `manual__${run.runId}`,
      runType: "manual",
      intervalStartAt: run.logicalAt,
      intervalEndAt: null,
      runAfterAt: this.now,
      versionId: this.version.versionId,
      backfillId: null,
      conf: {},
      state: "queued",
      queuedAt: this.now,
      startedAt: null,
      endedAt: null,
      triggeredBy: "ana",
      quarantine: null,
      ending: null,
      budgetLevel: "ok",
      onlyTasks: null,
      ...run,
    };
    this.rows.runs.set(row.runId, row);
    if (!isRunFinished(row.state)) this.world.addRun(bareRun(row));
    return this.turn();
  }

  /** Every task that waits for its job gets this answer, until the oldest open run has ended. */
  finishOldest(how: "success" | "failed" = "success"): this {
    const [run] = this.open();
    if (!run) throw new Error("no run is open");
    for (let tries = 0; tries < 20 && this.world.runs.has(run.runId); tries++) {
      for (const { task, attempt } of this.world.runs.get(run.runId)?.nodes ?? []) {
        if (attempt?.state !== "open") continue;
        const failure = { class: "permanent", code: "JOB_FAILED", message: "broken" } as const;
        const result =
          how === "success" ? ({ kind: "done", output: {} } as const) : ({ kind: "refused", failure } as const);
        const event = { kind: "submitted", tryNumber: attempt.tryNumber, result } as const;
        this.world.decideTask(task, event, this.context());
      }
      this.turn();
    }
    return this;
  }

  cancelOldest(): this {
    const [run] = this.open();
    if (run) this.world.decideRun(run.runId, { kind: "end", cause: "cancel", by: "ana" }, this.context());
    return this.turn();
  }

  /** Runs by their logical date in UTC, with their states, oldest first. */
  runs(): Record<string, string> {
    const rows = [...this.rows.runs.values()].sort((a, b) => a.runAfterAt - b.runAfterAt);
    return Object.fromEntries(rows.map((run) => [minute(run.logicalAt ?? 0), run.state]));
  }

  /** Deadlines by their due time in UTC. */
  deadlines(): Record<string, string> {
    const rows = [...this.rows.deadlines.values()].sort((a, b) => a.dueAt - b.dueAt);
    return Object.fromEntries(rows.map((each) => [minute(each.dueAt), `${each.state} by ${minute(each.deadlineAt)}`]));
  }

  mails(): string[] {
    return [...this.rows.mails.values()].map(({ kind, receiver }) => `${kind} to ${receiver}`);
  }

  get state(): DagState {
    const state = this.rows.dags.get(this.version.dagId);
    if (!state) throw new Error("the DAG has no row");
    return state;
  }

  /** When the engine would wake by itself. */
  get nextAt(): number {
    return Math.min(this.world.planner.nextAt, this.world.nextStartAt);
  }

  turn(): this {
    const { planner } = this.world;
    for (const due of planner.takeDue(this.now).flatMap((state) => planner.due(this.now, state) ?? [])) {
      const dates = new Set(due.plan.runs.map(({ logicalAt }) => logicalAt));
      planner.enter(due, this.taken(dates), () => `run-${++this.ids}`, this.now);
    }
    planner.decideDeadlines(this.context());
    this.world.startRuns(this.context());
    for (const { active, position } of this.world.takeUnprepared(DEFAULT_SETTINGS)) {
      const event = { kind: "prepared", hash: "h", params: {} } as const;
      const task = active.nodes[position]?.task;
      if (task) this.world.decideTask(task, event, this.context());
    }
    this.world.admit(this.context());
    const taken = this.world.takePending();
    if (taken) this.rows.apply(taken.batch.batch());
    return this;
  }

  private open(): DagRun[] {
    const runs = [...this.rows.runs.values()].filter((run) => !isRunFinished(run.state));
    return runs.sort((a, b) => a.runAfterAt - b.runAfterAt);
  }

  private taken(dates: ReadonlySet<number>): TakenDate[] {
    return [...this.rows.runs.values()].flatMap(({ dagId, runId, logicalAt, state, endedAt }) =>
      logicalAt !== null && dates.has(logicalAt) ? [{ dagId, logicalAt, runId, state, endedAt }] : [],
    );
  }

  private load(): World {
    const { rows, version } = this;
    const runs = [...rows.runs.values()].filter((run) => !isRunFinished(run.state));
    const of = <T extends { readonly runId: string }>(map: Map<string, T>): T[] =>
      [...map.values()].filter((row) => runs.some(({ runId }) => runId === row.runId));
    const loaded: LoadedWorld = {
      ...NOTHING_LOADED,
      versions: rows.versions,
      currentVersion: version.versionNumber === 0 ? {} : { [version.dagId]: version.versionId },
      dags: [...rows.dags.values()],
      deadlines: [...rows.deadlines.values()].filter(({ state }) => state === "pending"),
      runs,
      tasks: of(rows.tasks),
      attempts: of(rows.attempts),
    };
    return new World(
      loaded,
      kindsOf(() => false),
      rethrow,
    );
  }

  private context(): DecisionContext {
    return {
      now: this.now,
      settings: DEFAULT_SETTINGS,
      installationId: "installation",
      launchOf: () => ({ kind: "token", ttlMs: 3_600_000, maxLength: 64 }),
      decide: () => null,
      priceOf: () => ({ unitPrice: "1", currency: "USD", source: "test" }),
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
    };
  }
}

function versionOf(spec: DagSpec, versionNumber: number): DagVersion {
  const taskNos = Object.fromEntries(spec.tasks.map((task, index) => [task.taskId, index + 1]));
  return { versionId: `v${versionNumber}`, dagId: spec.dagId, versionNumber, hash: `h${versionNumber}`, spec, taskNos };
}

const minute = (at: number): string => new Date(at).toISOString().slice(0, 16).replace("T", " ");
