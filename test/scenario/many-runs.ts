import { createHash } from "node:crypto";
import type { DagSpec } from "../../engine/core/dag.ts";
import { keyOf } from "../../engine/core/machine/active-run.ts";
import type { DecisionContext, RunEvent } from "../../engine/core/machine/events.ts";
import type { Past, PastWish } from "../../engine/core/machine/past-rows.ts";
import { bareRun } from "../../engine/core/machine/run-rows.ts";
import { World } from "../../engine/core/machine/world.ts";
import type { Launch } from "../../engine/core/operator.ts";
import type {
  Attempt,
  Backfill,
  DagRun,
  DagState,
  DagVersion,
  ExpansionRow,
  Mail,
  TaskInstance,
} from "../../engine/core/records.ts";
import type { FlushBatch, LoadedWorld } from "../../engine/core/flush-batch.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { isRunFinished } from "../../engine/core/states.ts";
import { kindsOf } from "./kinds.ts";
import { NOTHING_LOADED } from "./nothing-loaded.ts";

const DAY_MS = 86_400_000;
const LAUNCHES: Record<string, Launch> = {
  find: { kind: "find", visibilityMs: 60_000 },
  sensor: { kind: "sensor" },
};
const FAILURE = { class: "permanent", code: "JOB_FAILED", message: "broken" } as const;

/** Runs of several DAGs side by side, under a clock of their own, with what a database would keep of them. */
export class ManyRuns {
  now = Date.UTC(2026, 0, 31);
  world: World;
  readonly rows = {
    runs: new Map<string, DagRun>(),
    tasks: new Map<string, TaskInstance>(),
    attempts: new Map<string, Attempt>(),
    dags: new Map<string, DagState>(),
    expansions: new Map<string, ExpansionRow>(),
    mails: [] as Mail[],
  };
  backfills: Backfill[] = [];
  private readonly versions: readonly DagVersion[];
  private readonly pools: Record<string, number>;
  private readonly onTurn: (world: World) => void;

  constructor(specs: readonly DagSpec[], onTurn: (world: World) => void = () => undefined) {
    this.onTurn = onTurn;
    this.versions = specs.map((spec) => {
      const taskNos = Object.fromEntries(spec.tasks.map(({ taskId }, index) => [taskId, index + 1]));
      return { versionId: `v-${spec.dagId}`, dagId: spec.dagId, versionNumber: 1, hash: "h", spec, taskNos };
    });
    const pools = specs.flatMap((spec) => Object.entries(spec.pools).map(([pool, { slots }]) => [pool, slots]));
    this.pools = Object.fromEntries(pools) as Record<string, number>;
    for (const { dagId } of specs) {
      const state = { dagId, isPaused: false, isStale: false, scheduledUntil: null, nextDueAt: null, failedRuns: 0 };
      this.rows.dags.set(dagId, state);
    }
    this.world = this.load();
  }

  /** A run of a day of January 2026; it is called by its number: "nightly/3". */
  run(name: string, changes: Partial<DagRun> = {}): this {
    const [dagId = "", day = "1"] = name.split("/");
    const logicalAt = Date.UTC(2026, 0, Number(day));
    this.world.enterRun(
      null,
      bareRun({
        runId: name,
        dagId,
        dagRunId: name,
        runType: "scheduled",
        logicalAt,
        intervalStartAt: logicalAt,
        intervalEndAt: logicalAt + DAY_MS,
        runAfterAt: logicalAt + DAY_MS,
        versionId: `v-${dagId}`,
        backfillId: null,
        conf: {},
        state: "queued",
        queuedAt: this.now,
        startedAt: null,
        endedAt: null,
        triggeredBy: "test",
        quarantine: null,
        ending: null,
        budgetLevel: "ok",
        onlyTasks: null,
        ...changes,
      }),
    );
    return this.turn();
  }

  /** Days of one DAG, one after the other. */
  runs(dagId: string, ...days: number[]): this {
    for (const day of days) this.run(`${dagId}/${day}`);
    return this;
  }

  /** The job of a task, "nightly/3 load" or "nightly/3 load[2]", ends. */
  ends(task: string, how: "success" | "failed" = "success"): this {
    const node = this.node(task);
    const result =
      how === "success" ? ({ kind: "done", output: {} } as const) : ({ kind: "refused", failure: FAILURE } as const);
    const { tryNumber } = node.task;
    this.world.decideTask(node.task, { kind: "submitted", tryNumber, result }, this.context());
    return this.turn();
  }

  /** The service is busy: the launch goes out again later. */
  throttled(task: string): this {
    const node = this.node(task);
    const { tryNumber } = node.task;
    const result = { kind: "throttled", message: "slow down" } as const;
    this.world.decideTask(node.task, { kind: "submitted", tryNumber, result }, this.context());
    return this.turn();
  }

  succeeds = (...tasks: string[]): this => {
    for (const task of tasks) this.ends(task);
    return this;
  };
  fails = (task: string): this => this.ends(task, "failed");

  /** The run is made again from the start, with the rows it has. */
  clears(name: string): this {
    const run = this.rows.runs.get(name);
    if (!run) throw new Error(`no run ${name}`);
    const of = <T extends { readonly runId: string }>(rows: ReadonlyMap<string, T>): T[] =>
      [...rows.values()].filter(({ runId }) => runId === name);
    const cleared = { ...run, state: "queued", startedAt: null, endedAt: null, ending: null } as const;
    const rows = { tasks: of(this.rows.tasks), attempts: of(this.rows.attempts), expansions: of(this.rows.expansions) };
    this.world.enterRun(run, { run: cleared, ...rows, outputs: [], booked: [] });
    return this.turn();
  }

  /** A person's word about tasks of a run, "load" or "load[2]"; a run that has left memory is read again first. */
  person(name: string, tasks: readonly string[], eventOf: (places: readonly number[]) => RunEvent): this {
    const run = this.rows.runs.get(name);
    if (!run) throw new Error(`no run ${name}`);
    if (!this.world.runs.has(name)) {
      const of = <T extends { readonly runId: string }>(rows: ReadonlyMap<string, T>): T[] =>
        [...rows.values()].filter(({ runId }) => runId === name);
      const { tasks: rows, attempts, expansions } = this.rows;
      const read = { tasks: of(rows), attempts: of(attempts), expansions: of(expansions) };
      this.world.addRun({ run, ...read, outputs: [], booked: [] });
    }
    const active = this.world.runs.get(name);
    const places = tasks.map((task) => active?.nodes.indexOf(this.node(`${name} ${task}`)) ?? -1);
    this.world.decideRun(name, eventOf(places), this.context());
    return this.turn();
  }

  cancels(name: string): this {
    this.world.decideRun(name, { kind: "end", cause: "cancel", by: "ana" }, this.context());
    return this.turn();
  }

  pauses(dagId: string, isPaused = true): this {
    this.world.planner.change(dagId, { isPaused }, this.now);
    return this.turn();
  }

  later(ms: number): this {
    this.now += ms;
    return this.turn();
  }

  /** The process dies and another loads what had been written. */
  takeover(): this {
    this.world = this.load();
    for (const runId of [...this.world.runs.keys()])
      this.world.decideRun(runId, { kind: "taken_over" }, this.context());
    return this.turn();
  }

  /** The states of a run's tasks, with its own. */
  states(name: string): Record<string, string> {
    const spec = this.specOf(name);
    const tasks = [...this.rows.tasks.values()].filter(({ runId }) => runId === name);
    const named = tasks.map(({ taskNo, mapIndex, state }) => {
      const id = spec.tasks[taskNo - 1]?.taskId ?? "";
      return [mapIndex < 0 ? id : `${id}[${mapIndex}]`, state];
    });
    return { ...(Object.fromEntries(named) as Record<string, string>), run: this.rows.runs.get(name)?.state ?? "" };
  }

  /** The states of all runs of a DAG by day. */
  days(dagId: string): Record<string, string> {
    const runs = [...this.rows.runs.values()].filter((run) => run.dagId === dagId);
    return Object.fromEntries(runs.map(({ runId, state }) => [runId.split("/")[1] ?? "", state]));
  }

  /** Every task whose job can end now. */
  atWork(): string[] {
    return [...this.world.runs.values()].flatMap(({ run, nodes, dag }) =>
      nodes.flatMap(({ task, attempt, taskAt }) => {
        if (attempt?.state !== "open") return [];
        return [`${run.runId} ${dag.tasks[taskAt]?.taskId}${task.mapIndex < 0 ? "" : `[${task.mapIndex}]`}`];
      }),
    );
  }

  turn(): this {
    do {
      const context = this.context();
      this.world.startRuns(context);
      this.flush();
      for (const wish of this.world.pasts.wishes()) this.world.pasts.know(wish.runId, this.pastOf(wish));
      this.world.followPasts(context);
      this.world.makeInstances(context);
      for (const { active, position } of this.world.takeUnprepared(DEFAULT_SETTINGS)) {
        const node = active.nodes[position];
        const items = active.dag.tasks[node?.taskAt ?? -1]?.forEach?.items as unknown[] | undefined;
        if (!node) continue;
        if (items && node.task.mapIndex < 0) {
          this.world.decideTask(node.task, { kind: "expanded", items: items as never, labels: null }, context);
        } else this.world.decideTask(node.task, { kind: "prepared", hash: "h", params: {} }, context);
      }
      this.world.admit(context);
      this.onTurn(this.world);
      this.flush();
    } while (this.world.hasMore(DEFAULT_SETTINGS));
    return this;
  }

  private flush(): void {
    const batch = this.world.takePending()?.batch.batch();
    if (batch) this.write(batch);
  }

  private write(batch: FlushBatch): void {
    const { runs, tasks, attempts, dags, expansions, mails } = this.rows;
    for (const run of batch.runsCreated) runs.set(run.runId, run);
    for (const { to } of batch.runsChanged) runs.set(to.runId, to);
    for (const task of batch.tasksCreated) tasks.set(keyOf(task), task);
    for (const { to } of batch.tasksChanged) tasks.set(keyOf(to), to);
    const tryOf = (attempt: Attempt): string => `${keyOf(attempt)}/${attempt.tryNumber}`;
    for (const attempt of batch.attemptsCreated) attempts.set(tryOf(attempt), attempt);
    for (const { to } of batch.attemptsChanged) attempts.set(tryOf(to), to);
    for (const { to } of batch.dagsChanged) dags.set(to.dagId, to);
    for (const row of batch.expansions) expansions.set(keyOf(row), row);
    mails.push(...batch.mails);
  }

  /** The run before, as the store would read it (engine/store/past.ts). */
  private pastOf(wish: PastWish): Past | null {
    const before = [...this.rows.runs.values()]
      .filter((run) => run.dagId === wish.dagId && run.logicalAt !== null && run.logicalAt < wish.logicalAt)
      .filter((run) => (!wish.scheduledOnly || run.runType !== "manual") && run.ending?.cause !== "skip");
    if (wish.backfillId !== null && !before.some((run) => run.backfillId === wish.backfillId)) return null;
    const previous = before.sort((a, b) => (b.logicalAt ?? 0) - (a.logicalAt ?? 0))[0];
    if (!previous) return null;
    const tasks = [...this.rows.tasks.values()].filter(
      ({ runId, mapIndex }) => runId === previous.runId && mapIndex === -1,
    );
    return {
      runId: previous.runId,
      dagRunId: previous.dagRunId,
      logicalAt: previous.logicalAt ?? 0,
      runState: previous.state,
      hasTasks: tasks.length > 0,
      states: new Map(tasks.map(({ taskNo, state }) => [taskNo, state])),
    };
  }

  private node(name: string) {
    const [runId = "", task = ""] = name.split(" ");
    const [, taskId = task, index] = /^(.*)\[(\d+)\]$/.exec(task) ?? [];
    const active = this.world.runs.get(runId);
    const mapIndex = index === undefined ? -1 : Number(index);
    const node = active?.nodes.find(
      (each) => active.dag.tasks[each.taskAt]?.taskId === taskId && each.task.mapIndex === mapIndex,
    );
    if (!node) throw new Error(`${name} is not in memory`);
    return node;
  }

  private specOf(name: string): DagSpec {
    const version = this.versions.find(({ dagId }) => dagId === name.split("/")[0]);
    if (!version) throw new Error(`no DAG of ${name}`);
    return version.spec;
  }

  private load(): World {
    const { rows } = this;
    const open = (run: DagRun): boolean =>
      !isRunFinished(run.state) || [...rows.attempts.values()].some((a) => a.runId === run.runId && a.state === "open");
    const runs = [...rows.runs.values()].filter(open);
    const of = <T extends { readonly runId: string }>(map: ReadonlyMap<string, T>): T[] =>
      [...map.values()].filter((row) => runs.some(({ runId }) => runId === row.runId));
    const loaded: LoadedWorld = {
      ...NOTHING_LOADED,
      versions: this.versions,
      currentVersion: Object.fromEntries(this.versions.map(({ dagId, versionId }) => [dagId, versionId])),
      dags: [...rows.dags.values()],
      pools: this.pools,
      backfills: this.backfills,
      runs,
      tasks: of(rows.tasks),
      attempts: of(rows.attempts),
      expansions: of(rows.expansions),
    };
    return new World(
      loaded,
      kindsOf((operator) => operator === "sensor"),
      (_runId, error) => {
        throw error;
      },
      (_spec, { conf }, template) => (conf[template] as string | undefined) ?? template,
    );
  }

  private context(): DecisionContext {
    return {
      now: this.now,
      settings: DEFAULT_SETTINGS,
      installationId: "installation",
      launchOf: (operator) => LAUNCHES[operator] ?? { kind: "at_least_once" },
      decide: () => null,
      priceOf: () => ({ unitPrice: "1", currency: "USD", source: "test" }),
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
    };
  }
}
