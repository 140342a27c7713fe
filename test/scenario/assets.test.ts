import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { AssetExpression, DagSpec, TaskSpec } from "../../engine/core/dag.ts";
import type { DecisionContext } from "../../engine/core/machine/events.ts";
import { bareRun } from "../../engine/core/machine/run-rows.ts";
import { World } from "../../engine/core/machine/world.ts";
import type { QueuedAsset } from "../../engine/core/assets/events.ts";
import type { DagRun, DagState } from "../../engine/core/records.ts";
import type { FlushBatch, LoadedWorld } from "../../engine/core/flush-batch.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { kindsOf, rethrow } from "./kinds.ts";
import { dagSpec, taskSpec } from "./scenario.ts";
import { NOTHING_LOADED } from "./nothing-loaded.ts";

const idOf = (number: number): string => `01890000-0000-7000-8000-${String(number).padStart(12, "0")}`;

/** Producers and consumers side by side; what is flushed is what another process would load. */
class Fleet {
  now = Date.UTC(2026, 0, 2, 7);
  private readonly loaded: LoadedWorld;
  private world: World;
  private made = 0;
  readonly batches: FlushBatch[] = [];

  constructor(specs: readonly DagSpec[]) {
    const versions = specs.map((spec) => {
      const taskNos = Object.fromEntries(spec.tasks.map((task, index) => [task.taskId, index + 1]));
      return { versionId: spec.dagId, dagId: spec.dagId, versionNumber: 1, hash: "h", spec, taskNos };
    });
    const state = { isPaused: false, isStale: false, scheduledUntil: null, nextDueAt: null, failedRuns: 0 };
    this.loaded = {
      ...NOTHING_LOADED,
      versions,
      currentVersion: Object.fromEntries(specs.map(({ dagId }) => [dagId, dagId])),
      dags: specs.map(({ dagId }): DagState => ({ dagId, ...state })),
    };
    this.world = new World(
      this.loaded,
      kindsOf(() => false),
      rethrow,
    );
  }

  private context(): DecisionContext {
    return {
      now: this.now,
      settings: DEFAULT_SETTINGS,
      installationId: "installation",
      launchOf: () => ({ kind: "in_process" }),
      decide: () => null,
      priceOf: () => ({ unitPrice: "1", currency: "USD", source: "test" }),
      sha256: (text) => createHash("sha256").update(text).digest("hex"),
    };
  }

  private flush(): void {
    const taken = this.world.takePending();
    if (taken && !taken.batch.isEmpty) this.batches.push(taken.batch.batch());
  }

  private start(): void {
    this.world.startRuns(this.context());
    this.world.makeInstances(this.context());
    for (const { active, position } of this.world.takeUnprepared(DEFAULT_SETTINGS)) {
      const task = active.nodes[position]?.task;
      if (task) this.world.decideTask(task, { kind: "prepared", hash: "h", params: {} }, this.context());
    }
    this.world.admit(this.context());
    this.flush();
  }

  /** A run of a producer begins, and its task ends as told. */
  produces(dagId: string, how: "success" | "failed" | "skipped" = "success"): this {
    this.now += 60_000;
    const runId = idOf(++this.made);
    const times = { logicalAt: null, intervalStartAt: null, intervalEndAt: null, runAfterAt: this.now };
    const rest = { backfillId: null, conf: {}, triggeredBy: "test", quarantine: null, ending: null, onlyTasks: null };
    const row = { runId, dagId, dagRunId: `manual__${this.made}`, runType: "manual", versionId: dagId } as const;
    const state = { state: "queued", queuedAt: this.now, startedAt: null, endedAt: null, budgetLevel: "ok" } as const;
    this.world.enterRun(null, bareRun({ ...row, ...times, ...rest, ...state }));
    this.start();
    const key = { runId, taskNo: 1, mapIndex: -1 };
    const failure = { class: "permanent", code: "JOB_FAILED", message: "broken" } as const;
    if (how === "skipped") this.world.decideRun(runId, { kind: "end", cause: "cancel", by: "ana" }, this.context());
    else {
      const result =
        how === "success" ? ({ kind: "done", output: {} } as const) : ({ kind: "refused", failure } as const);
      this.world.decideTask(key, { kind: "submitted", tryNumber: 1, result }, this.context());
    }
    return this;
  }

  external(asset: string): this {
    this.world.planner.assets.happened({ asset, at: this.now, source: null, by: "cli", extra: {} });
    return this;
  }

  /** The rest of a turn: runs are made, and all is flushed. */
  plans(): this {
    this.world.planner.assets.enter(() => idOf(1_000 + ++this.made), this.now);
    this.flush();
    return this;
  }

  /** The process dies with what it has not flushed; another loads what was. */
  dies(isFlushed: boolean): this {
    if (isFlushed) this.flush();
    const queue = new Map<string, QueuedAsset>();
    for (const batch of this.batches) {
      for (const row of batch.assetsQueued) queue.set(`${row.dagId}/${row.asset}`, row);
    }
    const assetQueue = [...queue.values()].filter(({ updates }) => updates > 0);
    this.world = new World(
      { ...this.loaded, assetQueue },
      kindsOf(() => false),
      rethrow,
    );
    return this;
  }

  paused(dagId: string, isPaused: boolean): this {
    this.world.planner.change(dagId, { isPaused }, this.now);
    return this;
  }

  stale(dagId: string): this {
    this.world.planner.change(dagId, { isStale: true }, this.now);
    return this;
  }

  get isDue(): boolean {
    return this.world.planner.assets.isDue;
  }

  runsOf(dagId: string): DagRun[] {
    return this.batches.flatMap(({ runsCreated }) => runsCreated).filter((run) => run.dagId === dagId);
  }

  /** "orders*2, stores": what each run of the DAG was triggered by. */
  triggers(dagId: string): string[] {
    return this.runsOf(dagId).map(({ conf }) =>
      (conf["assets"] as { name: string; updates: number }[])
        .map(({ name, updates }) => (updates === 1 ? name : `${name}*${updates}`))
        .join(", "),
    );
  }
}

const producer = (dagId: string, produces: string[], changes: Partial<TaskSpec> = {}): DagSpec => ({
  ...dagSpec([taskSpec("load", { produces, ...changes })]),
  dagId,
  maxActiveRuns: 10,
});
const consumer = (onAssets: AssetExpression, changes: Partial<DagSpec> = {}): DagSpec => ({
  ...dagSpec([taskSpec("report")]),
  dagId: "report",
  onAssets,
  ...changes,
});
const SHOP = [producer("orders_dag", ["orders"]), producer("stores_dag", ["stores"])];
const fleet = (onAssets: AssetExpression, changes: Partial<DagSpec> = {}): Fleet =>
  new Fleet([...SHOP, consumer(onAssets, changes)]);

describe("a DAG with on_assets", () => {
  it("runs when its asset has been brought up to date, in the flush of the success that did it", () => {
    const s = fleet("orders").produces("orders_dag").plans();
    const [run] = s.runsOf("report");
    expect(run).toMatchObject({ runType: "asset_triggered", logicalAt: null, triggeredBy: "asset", state: "queued" });
    expect(run?.conf["assets"]).toEqual([
      {
        name: "orders",
        at: "2026-01-02T07:01:00.000Z",
        dag_id: "orders_dag",
        dag_run_id: "manual__1",
        task_id: "load",
        by: "engine",
        extra: {},
        updates: 1,
      },
    ]);
    const last = s.batches.at(-1);
    expect(last?.assetEvents.map(({ asset }) => asset)).toEqual(["orders"]);
    expect(last?.tasksChanged.some(({ to }) => to.state === "success")).toBe(true);
  });

  it("with & waits for all of them, and several updates of one collapse", () => {
    const s = fleet({ all: ["orders", "stores"] });
    s.produces("orders_dag").plans().produces("orders_dag").plans();
    expect(s.triggers("report")).toEqual([]);
    s.produces("stores_dag").plans();
    expect(s.triggers("report")).toEqual(["orders*2, stores"]);
  });

  it("with | runs for each", () => {
    const s = fleet({ any: ["orders", "stores"] });
    expect(s.produces("orders_dag").plans().triggers("report")).toEqual(["orders"]);
  });

  it("gathers what comes while a run of it waits for its turn, for the next", () => {
    const s = fleet("orders");
    s.produces("orders_dag").plans().external("orders").plans().external("orders").plans();
    expect(s.triggers("report")).toEqual(["orders"]);
    expect(s.isDue).toBe(false);
    s.produces("stores_dag").plans();
    expect(s.triggers("report")).toEqual(["orders", "orders*2"]);
  });

  it("keeps its queue while it is paused, and runs once when it is let go", () => {
    const s = fleet("orders").paused("report", true).external("orders").plans().external("orders").plans();
    expect(s.triggers("report")).toEqual([]);
    expect(s.paused("report", false).plans().triggers("report")).toEqual(["orders*2"]);
  });

  it("whose file is gone is told of nothing", () => {
    const s = fleet("orders").stale("report").external("orders").plans();
    expect(s.triggers("report")).toEqual([]);
    expect(s.batches.flatMap(({ assetsQueued }) => assetsQueued)).toEqual([]);
    expect(s.batches.flatMap(({ assetEvents }) => assetEvents)).toHaveLength(1);
  });
});

describe("a producer", () => {
  it.each(["failed", "skipped"] as const)("that %s brings nothing up to date", (how) => {
    const s = fleet("orders").produces("orders_dag", how).plans();
    expect(s.triggers("report")).toEqual([]);
    expect(s.batches.flatMap(({ assetEvents }) => assetEvents)).toEqual([]);
  });

  it("that succeeds again brings its asset up to date again", () => {
    const s = fleet("orders").produces("orders_dag").plans().produces("orders_dag").plans();
    expect(s.batches.flatMap(({ assetEvents }) => assetEvents)).toHaveLength(2);
  });
});

describe("a process that dies between an update and the run it triggers", () => {
  it("leaves the update in the queue when it was flushed: the next process makes the run, once", () => {
    const s = fleet("orders").produces("orders_dag").dies(true).plans();
    expect(s.triggers("report")).toEqual(["orders"]);
    expect(s.dies(true).plans().triggers("report")).toEqual(["orders"]);
  });

  it("leaves nothing when it was not: the success itself is not written either", () => {
    const s = fleet("orders").produces("orders_dag").dies(false).plans();
    expect(s.triggers("report")).toEqual([]);
    expect(s.batches.flatMap(({ tasksChanged }) => tasksChanged).some(({ to }) => to.state === "success")).toBe(false);
  });
});
