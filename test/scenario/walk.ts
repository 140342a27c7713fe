import { createHash } from "node:crypto";
import { expect } from "vitest";
import type { DagSpec } from "../../engine/core/dag.ts";
import { specAt, type ActiveRun, type Node } from "../../engine/core/machine/active-run.ts";
import type { DecisionContext, RunEvent, TaskEvent } from "../../engine/core/machine/events.ts";
import { debts, owed, type Owed } from "../../engine/core/machine/owed.ts";
import { selectTasks } from "../../engine/core/machine/people/select.ts";
import { whatToClear } from "../../engine/core/machine/people/what-to-clear.ts";
import { activeRun, bareRun, type RunRows } from "../../engine/core/machine/run-rows.ts";
import { World } from "../../engine/core/machine/world.ts";
import type { DagRun } from "../../engine/core/records.ts";
import type { LoadedWorld } from "../../engine/core/flush-batch.ts";
import type { TaskWish } from "../../engine/core/commands.ts";
import { isRunFinished } from "../../engine/core/states.ts";
import { kindsOf } from "./kinds.ts";
import { nameOf, owedBy, pictureOf, type Debts } from "./memory.ts";
import { taskSpec } from "./scenario.ts";
import { StoredRows } from "./stored-rows.ts";
import { answerOf, failureOf, launchOf, lookOf, SETTINGS, type Step } from "./walk-draws.ts";
import { NOTHING_LOADED } from "./nothing-loaded.ts";

const RUN = "01890000-0000-7000-8000-000000000001";

/** One run under random events. After every flush `flushed` is asked, with what was owed before and which tasks were touched. */
export class Walk {
  now = Date.UTC(2026, 0, 2, 7);
  readonly rows = new StoredRows();
  world: World;
  private readonly spec: DagSpec;
  private readonly flushed: (walk: Walk, before: Debts, touched: ReadonlySet<string>) => void;
  private lists = 0;
  /** What was owed when last asked. */
  private before: Debts = new Map();

  constructor(spec: DagSpec, flushed: Walk["flushed"]) {
    this.spec = spec;
    this.flushed = flushed;
    this.world = this.load(null);
    this.world.enterRun(null, bareRun(this.planned()));
    this.turn();
  }

  private planned(): DagRun {
    return {
      ...{ runId: RUN, dagId: "nightly", dagRunId: "manual__1", runType: "manual", versionId: "v1", backfillId: null },
      ...{ logicalAt: null, intervalStartAt: null, intervalEndAt: null, runAfterAt: this.now, conf: {} },
      ...{ state: "queued", queuedAt: this.now, startedAt: null, endedAt: null, triggeredBy: "test" },
      ...{ quarantine: null, budgetLevel: "ok", onlyTasks: null, ending: null },
    };
  }

  /** A process that knows nothing but these rows. */
  load(rows: RunRows | null): World {
    const taskNos = Object.fromEntries(this.spec.tasks.map(({ taskId }, index) => [taskId, index + 1]));
    const version = { versionId: "v1", dagId: "nightly", versionNumber: 1, hash: "h", spec: this.spec, taskNos };
    const loaded: LoadedWorld = {
      ...NOTHING_LOADED,
      ...{ versions: [version], currentVersion: { nightly: "v1" }, pools: { small: 1 } },
      ...rows,
      runs: rows ? [rows.run] : [],
    };
    const rethrow = (_runId: string, error: unknown): never => {
      throw error;
    };
    return new World(
      loaded,
      kindsOf((operator) => launchOf(operator).kind === "sensor"),
      rethrow,
    );
  }

  context(): DecisionContext {
    return {
      now: this.now,
      settings: SETTINGS,
      installationId: "installation",
      launchOf,
      decide: () => null,
      priceOf: () => ({ unitPrice: "1", currency: "USD", source: "test" }),
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
    };
  }

  get active(): ActiveRun | undefined {
    return this.world.runs.get(RUN);
  }

  /** The run as a person finds it: read again where memory has let go of it. */
  private view(): ActiveRun {
    return this.active ?? activeRun(this.rows.read(), this.world.known.versions.get("v1") ?? this.noVersion());
  }

  private noVersion(): never {
    throw new Error("no version");
  }

  /** What the shell does between two events: starts, renders, admits, flushes. */
  turn(): void {
    do {
      const context = this.context();
      this.world.endOverdueRuns(context);
      this.world.startRuns(context);
      this.world.makeInstances(context);
      for (const { active, position } of this.world.takeUnprepared(SETTINGS)) {
        const node = active.nodes[position];
        if (node) this.world.decideTask(node.task, this.rendered(active, position), context);
      }
      this.world.admit(context);
      const taken = this.world.takePending();
      if (!taken) continue;
      this.rows.take(taken.batch.batch());
      const touched = new Set(taken.touched.map(({ active, position }) => nameOf(active, position)));
      this.flushed(this, this.before, touched);
      this.before = owedBy(this.active);
    } while (this.world.hasMore(SETTINGS));
  }

  /** What rendering comes to; every other time a mapped task is mapped over a list of another length. */
  private rendered(active: ActiveRun, position: number): TaskEvent {
    const { when, forEach } = specAt(active, position);
    const { mapIndex } = active.nodes[position]?.task ?? { mapIndex: -1 };
    if (when === "false" && mapIndex < 0) return { kind: "unwanted", why: "its condition is false" };
    if (forEach && mapIndex < 0) {
      this.lists++;
      const items = Array.from({ length: (this.lists * 3) % 5 }, (_, index) => index);
      return { kind: "expanded", items, labels: null };
    }
    if ((position + this.lists) % 11 === 10) return { kind: "unpreparable", failure: failureOf(2) };
    return { kind: "prepared", hash: `p${position}`, params: {} };
  }

  step({ kind, pick, detail }: Step): void {
    const { nodes = [] } = this.active ?? {};
    const places = nodes.flatMap((each, at) => (this.mayHappen(kind, each) ? [at] : []));
    const place = places[pick % Math.max(1, places.length)] ?? pick % Math.max(1, nodes.length);
    const node = nodes[place];
    const tryNumber = (node?.task.tryNumber ?? 0) - (detail % 7 === 6 ? 1 : 0);
    const toTask = (event: TaskEvent): void => {
      if (node) this.world.decideTask(node.task, event, this.context());
    };
    switch (kind) {
      case "submitted":
        toTask({ kind, tryNumber, result: answerOf(detail, `${place}/${tryNumber}`) });
        break;
      case "observed":
        if (node?.attempt?.ref !== null) toTask({ kind, tryNumber, observation: lookOf(detail) });
        break;
      case "searched":
        toTask({ kind, tryNumber, refs: ["a", "b"].slice(detail % 3).map((each) => `${place}/${tryNumber}${each}`) });
        break;
      case "not_sent":
        toTask({ kind, tryNumber });
        break;
      case "duplicate_cancelled":
        toTask({ kind, tryNumber, ref: `${place}/${tryNumber}b` });
        break;
      case "due":
        toTask({ kind });
        break;
      case "time":
      case "late":
        this.wait([1_000, 20_000, 90_000, 1_000_000][detail % (kind === "late" ? 4 : 3)] ?? 0);
        break;
      case "takeover":
        this.takeOver();
        break;
      case "cancel":
        if (detail % 3 === 0) this.toRun({ kind: "end", cause: "cancel", by: "ana" });
        break;
      case "mark_run":
        if (detail % 3 === 0) this.toRun({ kind, state: detail % 2 === 0 ? "success" : "failed", by: "ana" });
        break;
      default:
        this.person(kind, pick, detail);
    }
    this.turn();
  }

  /** Whether it is this kind of event that the task waits for. */
  private mayHappen(kind: Step["kind"], { attempt }: Node): boolean {
    if (attempt?.state !== "open") return false;
    return kind === "observed" ? attempt.ref !== null : attempt.ref === null;
  }

  /** A person's word about tasks, with the questions that the writer asks before it carries one out. */
  private person(kind: "clear" | "mark" | "abandon" | "retry_now" | "adopt", pick: number, detail: number): void {
    const view = this.view();
    const node = view.nodes[pick % Math.max(1, view.nodes.length)];
    if (!node) return;
    const { taskId, operator, forEach } = view.dag.tasks[node.taskAt] ?? taskSpec("");
    const mapIndex = node.task.mapIndex < 0 ? null : node.task.mapIndex;
    const wish: TaskWish = {
      tasks: [{ task: taskId, mapIndex }],
      ...(detail % 3 === 0 ? { withDownstream: true } : {}),
      ...(detail % 5 === 0 ? { onlyFailed: true } : {}),
    };
    const chosen = kind === "clear" ? whatToClear(view, wish) : selectTasks(view, wish);
    if ("code" in chosen) return;
    const places = "places" in chosen ? chosen.places : chosen;
    if (places.length === 0) return;
    const isWhole = (place: number): boolean =>
      view.nodes[place]?.task.mapIndex === -1 && Boolean(view.dag.tasks[place]?.forEach);
    const [place = -1] = places;
    const by = "ana";
    switch (kind) {
      case "clear":
        this.toRun({ kind, places, by });
        if (detail % 4 === 0) this.toRun({ kind: "abandon", places, by });
        return;
      case "mark":
        if (places.some(isWhole)) return;
        this.toRun({ kind, places, state: (["success", "failed", "skipped"] as const)[detail % 3] ?? "failed", by });
        return;
      case "adopt": {
        const isRemote = !["sensor", "in_process"].includes(launchOf(operator).kind);
        if (places.length !== 1 || isWhole(place) || !isRemote || view.nodes[place]?.attempt?.state === "open") return;
        if (forEach && mapIndex === null) return;
        this.toRun({ kind, place, ref: `adopted-${detail}`, by });
        return;
      }
      case "abandon":
      case "retry_now":
        this.toRun({ kind, places, by });
    }
  }

  private toRun(event: RunEvent): void {
    if (!this.active) this.world.addRun(this.rows.read());
    this.world.decideRun(RUN, event, this.context());
  }

  /** Time passes, and every task whose time may have come is rung for. */
  wait(ms: number): void {
    this.now += ms;
    for (const { task: row } of [...(this.active?.nodes ?? [])])
      this.world.decideTask(row, { kind: "due" }, this.context());
    this.turn();
  }

  /** The process dies; another has what had been flushed. */
  takeOver(): void {
    this.world = this.load(this.rows.isOpen ? this.rows.read() : null);
    this.world.decideRun(RUN, { kind: "taken_over" }, this.context());
  }

  /** Everything that is owed is carried out, and every job ends well: the run must come to its end. */
  finish(): void {
    for (let round = 0; round < 200 && this.active; round++) {
      for (const [place, node] of [...this.active.nodes.entries()]) {
        const active = this.active;
        if (!active) break;
        const { attempt } = active.nodes[place] ?? node;
        for (const item of owed(
          active.nodes[place] ?? node,
          specAt(active, place),
          launchOf(attempt?.operator ?? ""),
          SETTINGS,
        ))
          this.carryOut(item, place, attempt?.tryNumber ?? 0);
        for (const late of active.settling.values()) {
          if (late.taskNo !== node.task.taskNo || late.mapIndex !== node.task.mapIndex) continue;
          for (const item of debts(late)) this.carryOut(item, place, late.tryNumber);
        }
      }
      this.wait(60_000);
    }
  }

  private carryOut(item: Owed, place: number, tryNumber: number): void {
    const node = this.active?.nodes[place];
    if (!node || item.at > this.now) return;
    const tell = (event: TaskEvent): void => {
      this.world.decideTask(node.task, event, this.context());
      this.turn();
    };
    switch (item.kind) {
      case "submit":
        return tell({ kind: "submitted", tryNumber, result: { kind: "started", ref: `${place}/${tryNumber}` } });
      case "withdraw":
        return tell({ kind: "not_sent", tryNumber });
      case "search":
        return tell({ kind: "searched", tryNumber, refs: [] });
      case "observe":
      case "settle":
        return tell({ kind: "observed", tryNumber, observation: { kind: "succeeded", output: {} } });
      case "cancel_duplicate":
        return tell({ kind: "duplicate_cancelled", tryNumber, ref: item.ref });
      case "cancel":
      case "due":
        return;
    }
  }

  /** Why the run does not come to its end. */
  expectFinished(): void {
    if (this.active) expect({ ...pictureOf(this.world), debts: owedBy(this.active) }).toBe("a run that has ended");
    expect(isRunFinished(this.rows.read().run.state)).toBe(true);
  }
}
