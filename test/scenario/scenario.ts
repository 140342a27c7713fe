import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import type { DagSpec, TaskSpec } from "../../engine/core/dag.ts";
import type { Json } from "../../engine/core/json.ts";
import type { DecisionContext, RunEvent, TaskEvent } from "../../engine/core/machine/events.ts";
import { owed } from "../../engine/core/machine/owed.ts";
import { whatToClear } from "../../engine/core/machine/people/what-to-clear.ts";
import { placeOf, specAt, type ActiveRun, type Node } from "../../engine/core/machine/active-run.ts";
import { bareRun, type RunRows } from "../../engine/core/machine/run-rows.ts";
import { World } from "../../engine/core/machine/world.ts";
import type { FailureClass, Launch, Observation, Submitted, Usage } from "../../engine/core/operator.ts";
import type { Attempt, Booked, DagRun, TaskKey } from "../../engine/core/records.ts";
import type { FlushBatch, LoadedWorld } from "../../engine/core/flush-batch.ts";
import type { MarkedTaskState, TaskWish } from "../../engine/core/commands.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { DECIDED, kindsOf, rethrow } from "./kinds.ts";
import { dagSpec, taskSpec, tasksOf } from "./specs.ts";
import { NOTHING_LOADED } from "./nothing-loaded.ts";

export { dagSpec, taskSpec, tasksOf };

export const MINUTE = 60_000;

const RUN = "01890000-0000-7000-8000-000000000001";
const LAUNCHES: Record<string, Launch> = {
  find: { kind: "find", visibilityMs: 60_000 },
  token: { kind: "token", ttlMs: 3_600_000, maxLength: 64 },
  sensor: { kind: "sensor" },
  once: { kind: "at_least_once" },
  local: { kind: "in_process" },
};

const KINDS = kindsOf((operator) => LAUNCHES[operator]?.kind === "sensor");

const inUsd = (quantity: string): Usage[] => [{ kind: "usd", quantity, unit: "dollar" }];

/** A run of one DAG under a clock of its own: says what happens to the world and what is expected of the machine. */
export class Scenario {
  now = Date.UTC(2026, 0, 2, 7);
  world: World;
  readonly batches: FlushBatch[] = [];
  private readonly loaded: LoadedWorld;
  private reads: number | null = null;
  private readonly lists = new Map<string, readonly Json[]>();

  constructor(spec: DagSpec) {
    const taskNos = Object.fromEntries(spec.tasks.map((task, index) => [task.taskId, index + 1]));
    const version = { versionId: "v1", dagId: spec.dagId, versionNumber: 1, hash: "h", spec, taskNos };
    this.loaded = {
      ...NOTHING_LOADED,
      versions: [version],
      currentVersion: { [spec.dagId]: "v1" },
      pools: Object.fromEntries(Object.entries(spec.pools).map(([pool, { slots }]) => [pool, slots])),
    };
    this.world = new World(this.loaded, KINDS, rethrow);
    this.world.enterRun(null, bareRun(this.planned()));
    this.seen = this.world.runs.get(RUN);
    this.turn();
  }

  private planned(): DagRun {
    const times = {
      logicalAt: this.now - 86_400_000,
      intervalStartAt: null,
      intervalEndAt: null,
      runAfterAt: this.now,
    };
    return {
      runId: RUN,
      dagId: "nightly",
      dagRunId: "manual__1",
      runType: "manual",
      ...times,
      versionId: "v1",
      backfillId: null,
      conf: {},
      state: "queued",
      queuedAt: this.now,
      startedAt: null,
      endedAt: null,
      triggeredBy: "test",
      quarantine: null,
      budgetLevel: "ok",
      onlyTasks: null,
      ending: null,
    };
  }

  context(): DecisionContext {
    return {
      now: this.now,
      settings: DEFAULT_SETTINGS,
      installationId: "installation",
      launchOf: (operator) => LAUNCHES[operator] ?? { kind: "at_least_once" },
      decide: (operator) => DECIDED[operator] ?? null,
      priceOf: (kind) => ({ unitPrice: kind === "usd" ? "1" : "0.44", currency: "USD", source: "test" }),
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
    };
  }

  /** What the shell does between two events: starts, renders, admits, flushes. */
  turn(): this {
    do {
      this.world.endOverdueRuns(this.context());
      this.world.startRuns(this.context());
      this.world.makeInstances(this.context());
      for (const { active, position } of this.world.takeUnprepared(DEFAULT_SETTINGS)) {
        const node = active.nodes[position];
        if (node) this.world.decideTask(node.task, this.rendered(specAt(active, position), node), this.context());
      }
      this.world.admit(this.context());
      const taken = this.world.takePending();
      if (taken) this.batches.push(taken.batch.batch());
    } while (this.world.hasMore(DEFAULT_SETTINGS));
    return this;
  }

  /** What rendering comes to: a `when` is its own value, and what a task is mapped over is a list as it stands. */
  private rendered({ taskId, when, forEach }: TaskSpec, { task }: Node): TaskEvent {
    if (when === "false" && task.mapIndex < 0) return { kind: "unwanted", why: "its condition is false" };
    const items = this.lists.get(taskId) ?? (forEach?.items as Json[]);
    if (forEach && task.mapIndex < 0 && this.reads !== null) return { kind: "listing", read: ++this.reads };
    if (forEach && task.mapIndex < 0) return { kind: "expanded", items, labels: null };
    return { kind: "prepared", hash: `p${task.taskNo}/${task.mapIndex}`, params: {} };
  }

  /** "load", or "load[2]" for an instance of a mapped task. */
  private keyOf(task: string): TaskKey {
    const [, taskId = task, index] = /^(.*)\[(\d+)\]$/.exec(task) ?? [];
    return { runId: RUN, taskNo: this.taskNo(taskId), mapIndex: index === undefined ? -1 : Number(index) };
  }

  event(task: string, event: TaskEvent): this {
    this.world.decideTask(this.keyOf(task), event, this.context());
    return this.turn();
  }

  submit(task: string, result: Submitted): this {
    return this.event(task, { kind: "submitted", tryNumber: this.attempt(task).tryNumber, result });
  }

  starts(task: string, ref: Json = `job-${task}`): this {
    return this.submit(task, { kind: "started", ref });
  }

  observe(task: string, observation: Observation): this {
    return this.event(task, { kind: "observed", tryNumber: this.attempt(task).tryNumber, observation });
  }

  succeeds(task: string, output: Json = {}): this {
    if (this.attempt(task).ref === null) this.starts(task);
    return this.observe(task, { kind: "succeeded", output });
  }

  fails(task: string, failureClass: FailureClass = "permanent", message = "broken"): this {
    if (this.attempt(task).ref === null) this.starts(task);
    return this.observe(task, { kind: "failed", failure: { class: failureClass, code: "JOB_FAILED", message } });
  }

  /** A look that says what the job has cost so far. */
  costs(task: string, usd: string): this {
    if (this.attempt(task).ref === null) this.starts(task);
    return this.observe(task, { kind: "running", detail: "RUNNING", usage: usd === "" ? [] : inUsd(usd) });
  }

  /** The job ends and says what it cost in all. */
  ends(task: string, kind: "succeeded" | "failed", usd: string): this {
    if (this.attempt(task).ref === null) this.starts(task);
    const failure = { class: "retryable", code: "JOB_FAILED", message: "STOPPED" } as const;
    if (kind === "failed") return this.observe(task, { kind, failure, usage: inUsd(usd) });
    return this.observe(task, { kind, output: {}, usage: inUsd(usd) });
  }

  /** The run is to be made again: its rows as stored, cleared. */
  clears(): this {
    const { run, nodes } = this.active();
    const cleared = { ...run, state: "queued", startedAt: null, endedAt: null, ending: null } as const;
    const tasks = nodes.map((node) => node.task);
    const rows = { tasks, attempts: this.attempts(), outputs: [], booked: this.booked() };
    this.world.enterRun(run, { run: cleared, ...rows, expansions: this.flushed("expansions") });
    return this.turn();
  }

  /** What was flushed in all, of one list of the batches. */
  flushed<K extends keyof FlushBatch>(list: K): FlushBatch[K][number][] {
    return this.batches.flatMap((batch) => batch[list] as FlushBatch[K][number][]);
  }

  get row(): DagRun {
    return this.active().run;
  }

  /** Every attempt as it was flushed: memory keeps fewer. */
  private attempts(): Attempt[] {
    const attempts = new Map(this.flushed("attemptsCreated").map((attempt) => [attempt.launchKey, attempt]));
    for (const { to } of this.flushed("attemptsChanged")) attempts.set(to.launchKey, to);
    return [...attempts.values()];
  }

  /** What the ledger says counts, as the store reads it: settled in place of accrued. */
  booked(): Booked[] {
    const lines = new Map<string, Booked & { readonly kind: string }>();
    for (const { kind, amount, ...entry } of this.flushed("ledger")) {
      const { taskNo, tryNumber, usageKind } = entry;
      const intent = this.flushed("attemptsCreated").find(
        (attempt) => attempt.taskNo === taskNo && attempt.tryNumber === tryNumber,
      );
      const key = `${taskNo}/${tryNumber}/${usageKind}`;
      if (kind === "accrued" && lines.get(key)?.kind === "settled") continue;
      lines.set(key, { ...entry, kind, amount, intentAt: intent?.intentAt ?? 0 });
    }
    return [...lines.values()];
  }

  /** Lets time pass and rings for every task. */
  later(ms: number): this {
    this.now += ms;
    for (const { task } of this.active().nodes) this.world.decideTask(task, { kind: "due" }, this.context());
    return this.turn();
  }

  cancelRun(): this {
    this.world.decideRun(RUN, { kind: "end", cause: "cancel", by: "ana" }, this.context());
    return this.turn();
  }

  /** Lists lie elsewhere from now on: what a task is mapped over comes by an event, for the read of that number. */
  readsLists(): this {
    this.reads = 0;
    return this;
  }

  /** A person's word, as the writer carries it out: a run that has left memory is read again first. */
  person(event: RunEvent): this {
    this.view();
    this.world.decideRun(RUN, event, this.context());
    return this.turn();
  }

  /** The run as a person's word finds it. */
  view(): ActiveRun {
    const known = this.world.runs.get(RUN);
    if (known) return known;
    const { run, nodes } = this.active();
    const rows = {
      tasks: nodes.map((node) => node.task),
      attempts: this.attempts(),
      outputs: [],
      booked: this.booked(),
    };
    this.seen = this.world.addRun({ run, ...rows, expansions: this.flushed("expansions") });
    return this.seen;
  }

  places(...tasks: readonly string[]): number[] {
    return tasks.map((task) => placeOf(this.view(), this.keyOf(task)) ?? -1);
  }

  clearsTasks(...tasks: readonly string[]): this {
    return this.clearsWish({ tasks: tasks.map((task) => wishOf(task)) });
  }

  clearsWish(wish: TaskWish): this {
    const plan = whatToClear(this.view(), wish);
    if ("code" in plan) throw new Error(`${plan.code}: ${plan.message}`);
    return this.person({ kind: "clear", places: plan.places, by: "ana" });
  }

  marks(state: MarkedTaskState, ...tasks: readonly string[]): this {
    return this.person({ kind: "mark", places: this.places(...tasks), state, by: "ana" });
  }

  /** What the run is mapped over from now on: its upstream says something else. */
  mapsOver(task: string, items: readonly Json[]): this {
    this.lists.set(task, items);
    return this;
  }

  /** The process died right after the first flush like this: another loads what was written until then. */
  forgetsAfter(isLast: (batch: FlushBatch) => boolean): this {
    const last = this.batches.findIndex(isLast);
    const written = this.batches.splice(0).slice(0, last + 1);
    this.batches.push(...written);
    const rows = new Map(this.flushed("tasksCreated").map((task) => [`${task.taskNo}/${task.mapIndex}`, task]));
    for (const { to } of this.flushed("tasksChanged")) rows.set(`${to.taskNo}/${to.mapIndex}`, to);
    const run = this.flushed("runsChanged").at(-1)?.to ?? this.active().run;
    return this.load({ run, tasks: [...rows.values()], attempts: this.attempts() });
  }

  /** The process dies and another loads what had been flushed. */
  takeover(): this {
    const { run, nodes } = this.active();
    return this.load({ run, tasks: nodes.map((node) => node.task), attempts: this.attempts() });
  }

  private load({ run, tasks, attempts }: Pick<RunRows, "run" | "tasks" | "attempts">): this {
    const [version] = this.loaded.versions;
    if (!version) throw new Error("no version");
    this.world = new World(
      {
        ...this.loaded,
        runs: [run],
        tasks,
        attempts,
        outputs: [],
        expansions: this.flushed("expansions"),
        booked: this.booked(),
      },
      KINDS,
      rethrow,
    );
    this.seen = this.world.runs.get(RUN);
    this.world.decideRun(RUN, { kind: "taken_over" }, this.context());
    return this.turn();
  }

  states(): Record<string, string> {
    const { nodes, dag, run } = this.active();
    const named = nodes.map(({ taskAt, task }) => [
      `${dag.tasks[taskAt]?.taskId}${task.mapIndex < 0 ? "" : `[${task.mapIndex}]`}`,
      task.state,
    ]);
    return { ...(Object.fromEntries(named) as Record<string, string>), run: run.state };
  }

  expect(states: Record<string, string>): this {
    expect(this.states()).toMatchObject(states);
    return this;
  }

  owes(task: string): string[] {
    const active = this.active();
    const place = placeOf(active, this.keyOf(task)) ?? -1;
    const node = active.nodes[place];
    if (!node) throw new Error(`no task ${task}`);
    const spec = specAt(active, place);
    const launch = LAUNCHES[spec.operator] ?? { kind: "at_least_once" };
    return owed(node, spec, launch, DEFAULT_SETTINGS).map((item) => `${item.kind} +${Math.max(0, item.at - this.now)}`);
  }

  attempt(task: string): Attempt {
    const attempt = this.active().nodes[placeOf(this.active(), this.keyOf(task)) ?? -1]?.attempt;
    if (!attempt) throw new Error(`${task} has no attempt`);
    return attempt;
  }

  /** The run, kept here after it has left the machine's memory. */
  private active() {
    this.seen = this.world.runs.get(RUN) ?? this.seen;
    if (!this.seen) throw new Error("the run is not in memory");
    return this.seen;
  }
  private seen: ReturnType<World["addRun"]> | undefined;

  private taskIds(): string[] {
    return this.active().dag.tasks.map((task) => task.taskId);
  }

  private taskNo(task: string): number {
    const number = this.active().dag.version.taskNos[task];
    if (number === undefined) throw new Error(`no task ${task}`);
    return number;
  }
}

/** "load", or "load[2]" for an instance, as a person names it. */
export function wishOf(task: string): { task: string; mapIndex: number | null } {
  const [, taskId = task, index] = /^(.*)\[(\d+)\]$/.exec(task) ?? [];
  return { task: taskId, mapIndex: index === undefined ? null : Number(index) };
}

/** One scenario, one sentence: the DAG in arrows, then what happens. */
export function scenario(
  sentence: string,
  arrows: string,
  changes: Record<string, Partial<TaskSpec>>,
  tell: (story: Scenario) => void,
  pools: DagSpec["pools"] = {},
  dag: Partial<DagSpec> = {},
): void {
  test(sentence, () => {
    const story = new Scenario({ ...dagSpec(tasksOf(arrows, changes), pools), ...dag });
    story.states();
    tell(story);
  });
}
