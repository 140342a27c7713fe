import { isSatisfied, assetsOf } from "../assets/expression.ts";
import { queued, triggeringAssets, type AssetEvent, type QueuedAsset } from "../assets/events.ts";
import type { DagSpec } from "../dag.ts";
import type { Instant, JsonObject } from "../json.ts";
import type { DagRun, DagState } from "../records.ts";
import { lastCompleteInterval } from "../schedule/runs.ts";
import { dagRunIdFor } from "../schedule/runs.ts";
import type { CompiledDag } from "./compiled-dag.ts";
import type { PendingFlush } from "./pending-flush.ts";

/** What the consumers of assets need of the world around them. */
interface Surroundings {
  currentDag(dagId: string): CompiledDag | null;
  state(dagId: string): DagState | null;
  enterRun(run: DagRun): void;
  /** Whether a run of the DAG that changed assets made waits for its turn. */
  hasAssetRun(dagId: string): boolean;
  readonly gathered: PendingFlush;
}

/**
 * DAGs that run when assets have changed. Every update of an asset is queued for each of its consumers, in the flush that
 * makes it known; a run empties its DAG's queue, in the flush that makes the run. So neither is lost, and none counts twice.
 */
export class Consumers {
  private readonly world: Surroundings;
  /** Of the newest version of each DAG that has to do with assets. */
  private readonly specs = new Map<string, DagSpec>();
  private readonly consumersOf = new Map<string, Set<string>>();
  /** What waits for each DAG's next run, by asset. */
  private readonly queues = new Map<string, Map<string, QueuedAsset>>();
  /** DAGs whose queue or state has changed since they were looked at, or that wait for their turn. */
  private readonly toLookAt = new Set<string>();

  constructor(specs: readonly DagSpec[], rows: readonly QueuedAsset[], world: Surroundings) {
    this.world = world;
    for (const row of rows) this.queueOf(row.dagId).set(row.asset, row);
    for (const spec of specs) this.published(spec);
  }

  /** A DAG is new, or has a new version: what it no longer waits for is forgotten. */
  published(spec: DagSpec): void {
    const { dagId, onAssets } = spec;
    const before = this.specs.get(dagId)?.onAssets ?? null;
    for (const asset of before === null ? [] : assetsOf(before)) this.consumersOf.get(asset)?.delete(dagId);
    this.specs.delete(dagId);
    if (onAssets !== null || spec.tasks.some(({ produces }) => produces.length > 0)) this.specs.set(dagId, spec);
    const wanted = onAssets === null ? new Set<string>() : assetsOf(onAssets);
    for (const asset of wanted) this.consumersOf.set(asset, (this.consumersOf.get(asset) ?? new Set()).add(dagId));
    for (const row of this.queues.get(dagId)?.values() ?? [])
      if (!wanted.has(row.asset)) this.put({ ...row, updates: 0 });
    this.look(dagId);
  }

  /** The DAG's state has changed: paused DAGs keep what waits for them. */
  look(dagId: string): void {
    if (this.queues.has(dagId)) this.toLookAt.add(dagId);
  }

  /** Whether a task of any DAG produces the asset, or a DAG waits for it; stale DAGs count for nothing. */
  isKnown(asset: string): boolean {
    return this.names().has(asset);
  }

  /** Every asset that a DAG names. */
  names(): ReadonlySet<string> {
    const names = new Set<string>();
    for (const { dagId, onAssets, tasks } of this.specs.values()) {
      if (this.world.state(dagId)?.isStale) continue;
      for (const asset of onAssets === null ? [] : assetsOf(onAssets)) names.add(asset);
      for (const { produces } of tasks) for (const asset of produces) names.add(asset);
    }
    return names;
  }

  /** Writes an event down and queues it for every DAG that waits for its asset; answers which. */
  happened(event: AssetEvent): string[] {
    this.world.gathered.assetEvent(event);
    const consumers = [...(this.consumersOf.get(event.asset) ?? [])].filter(
      (dagId) => this.world.state(dagId)?.isStale !== true,
    );
    for (const dagId of consumers) {
      this.put(queued(dagId, event, this.queues.get(dagId)?.get(event.asset)));
      this.look(dagId);
    }
    return consumers;
  }

  /** Whether a run is to be made at once. */
  get isDue(): boolean {
    return [...this.toLookAt].some((dagId) => this.isReady(dagId));
  }

  /** Makes the runs of the DAGs whose assets have changed. While such a run of a DAG waits for its turn, updates gather for the next. */
  enter(newId: () => string, now: Instant): void {
    for (const dagId of [...this.toLookAt]) {
      const waits = this.isOpen(dagId) && this.isComplete(dagId) && this.world.hasAssetRun(dagId);
      if (!waits) this.toLookAt.delete(dagId);
      const dag = this.world.currentDag(dagId);
      if (waits || !dag || !this.isReady(dagId)) continue;
      const rows = this.rowsOf(dagId);
      for (const row of rows) this.put({ ...row, updates: 0 });
      this.world.enterRun(runOf(dag, rows, newId(), now));
    }
  }

  private isReady(dagId: string): boolean {
    return this.isOpen(dagId) && this.isComplete(dagId) && !this.world.hasAssetRun(dagId);
  }

  private isOpen(dagId: string): boolean {
    const state = this.world.state(dagId);
    return state !== null && !state.isPaused && !state.isStale;
  }

  private isComplete(dagId: string): boolean {
    const onAssets = this.specs.get(dagId)?.onAssets ?? null;
    const queue = this.queues.get(dagId);
    return onAssets !== null && isSatisfied(onAssets, (asset) => (queue?.get(asset)?.updates ?? 0) > 0);
  }

  private rowsOf(dagId: string): QueuedAsset[] {
    return [...(this.queues.get(dagId)?.values() ?? [])].filter(({ updates }) => updates > 0);
  }

  private put(row: QueuedAsset): void {
    this.queueOf(row.dagId).set(row.asset, row);
    this.world.gathered.assetQueued(row);
  }

  private queueOf(dagId: string): Map<string, QueuedAsset> {
    const known = this.queues.get(dagId) ?? new Map<string, QueuedAsset>();
    this.queues.set(dagId, known);
    return known;
  }
}

/** A run without logical date (protocol rule 32), whose conf says what triggered it. */
function runOf({ version }: CompiledDag, rows: readonly QueuedAsset[], runId: string, now: Instant): DagRun {
  const { spec, versionId } = version;
  const { startAt, endAt } = lastCompleteInterval(spec, now);
  return {
    runId,
    dagId: spec.dagId,
    // Two runs of one moment are told apart by the end of their ids.
    dagRunId: `${dagRunIdFor("asset_triggered", now)}_${runId.slice(-8)}`,
    runType: "asset_triggered",
    logicalAt: null,
    intervalStartAt: startAt,
    intervalEndAt: endAt,
    runAfterAt: now,
    versionId,
    backfillId: null,
    conf: confOf(spec, rows),
    state: "queued",
    queuedAt: now,
    startedAt: null,
    endedAt: null,
    triggeredBy: "asset",
    quarantine: null,
    ending: null,
    budgetLevel: "ok",
    onlyTasks: null,
  };
}

/** A param of the same name that takes no list keeps its own meaning. */
function confOf({ params }: DagSpec, rows: readonly QueuedAsset[]): JsonObject {
  const param = Object.hasOwn(params, "assets") ? params["assets"] : undefined;
  return param === undefined || param.type === "array" ? { assets: triggeringAssets(rows) } : {};
}
