import type { Instant, JsonObject } from "../json.ts";
import type { DagSpec } from "../dag.ts";
import type { DagRun, EndingCause } from "../records.ts";
import { isFinished, isRunFinished } from "../states.ts";
import type { ActiveRun } from "./active-run.ts";
import { heldUpBy } from "./past.ts";

/** A run to end because its concurrency key is taken, or because another takes it. */
export interface Conflict {
  readonly runId: string;
  readonly kind: "end";
  readonly by: "engine";
  readonly cause: EndingCause;
  readonly why: string;
}

const END = { kind: "end", by: "engine" } as const;

/** Which runs hold which concurrency keys. A key means something within one DAG, over its schedule and its backfills. */
export class Concurrency {
  private readonly holders = new Map<string, Set<ActiveRun>>();
  /** Runs that wait and do not leave it at that: they end another, or themselves. */
  private readonly impatient = new Set<ActiveRun>();

  add(active: ActiveRun): void {
    const key = concurrencyKeyOf(active);
    if (key === null) return;
    if (active.run.state === "running") this.started(active);
    else if (active.run.state === "queued" && ruleOf(active) !== "queue") this.impatient.add(active);
  }

  started(active: ActiveRun): void {
    this.impatient.delete(active);
    const key = concurrencyKeyOf(active);
    if (key !== null) this.holders.set(key, (this.holders.get(key) ?? new Set()).add(active));
  }

  remove(active: ActiveRun): void {
    this.impatient.delete(active);
    const key = concurrencyKeyOf(active) ?? "";
    const holders = this.holders.get(key);
    if (holders?.delete(active) && holders.size === 0) this.holders.delete(key);
  }

  /** Whether a run with the same key is under way, and is not itself kept waiting by this one. */
  isTaken(active: ActiveRun): boolean {
    const holders = this.holders.get(concurrencyKeyOf(active) ?? "");
    return holders !== undefined && [...holders].some((holder) => !waitsFor(holder, active));
  }

  /** What the runs that are due do about a key that is taken. `mayStart` false: nothing of its DAG or backfill begins. */
  conflicts(now: Instant, mayStart: (active: ActiveRun) => boolean): Conflict[] {
    const skipped: Conflict[] = [];
    // By key: thousands may wait, and each is looked at in every turn.
    const replacing = new Map<string, ActiveRun[]>();
    for (const active of this.impatient) {
      if (active.run.runAfterAt > now || !mayStart(active)) continue;
      if (ruleOf(active) === "skip") {
        skipped.push(...this.skip(active));
        continue;
      }
      const key = concurrencyKeyOf(active) ?? "";
      const runs = replacing.get(key);
      if (runs) runs.push(active);
      else replacing.set(key, [active]);
    }
    return [...skipped, ...[...replacing].flatMap(([key, runs]) => this.replace(key, runs))];
  }

  private skip(active: ActiveRun): Conflict[] {
    const [holder] = this.holders.get(concurrencyKeyOf(active) ?? "") ?? [];
    if (!holder) return [];
    const why = `${holder.run.dagRunId} ran with the same concurrency key`;
    return [{ runId: active.run.runId, ...END, cause: "skip", why }];
  }

  /** The newest run takes the place of the one that runs, and of those that wait before it. */
  private replace(key: string, waiting: readonly ActiveRun[]): Conflict[] {
    const inOrder = [...waiting].sort(inTurn);
    const newest = inOrder.pop();
    if (!newest) return [];
    const others = [...(this.holders.get(key) ?? []), ...inOrder];
    const why = `${newest.run.dagRunId} takes its place, by their concurrency key`;
    return others.flatMap(({ run }) =>
      run.ending === null ? [{ runId: run.runId, ...END, cause: "cancel", why }] : [],
    );
  }
}

/** Renders the concurrency key of a run; an error says why it cannot be. */
export type RenderKey = (spec: DagSpec, run: DagRun, template: string) => string;

/** The same, given the variables. */
export type RenderKeyWith = (...given: [...Parameters<RenderKey>, vars: JsonObject]) => string;

/**
 * A run with its concurrency key, which from then on stays what it is, unless the run, `before`, is made again with other words
 * or by another version; one whose key cannot be rendered is put aside.
 */
export function withConcurrencyKey(
  run: DagRun,
  spec: DagSpec,
  render: RenderKey,
  before: DagRun | null = null,
): DagRun {
  const isOpen = run.quarantine === null && !isRunFinished(run.state);
  if (spec.concurrencyKey === null || !isOpen) return run;
  const isRenamed = before !== null && (before.versionId !== run.versionId || before.conf !== run.conf);
  if ((run.concurrencyKey ?? null) !== null && !isRenamed) return run;
  try {
    return { ...run, concurrencyKey: render(spec, run, spec.concurrencyKey.key) };
  } catch (error) {
    return { ...run, quarantine: `its concurrency_key: ${error instanceof Error ? error.message : String(error)}` };
  }
}

/** The key of a run within all of them; null: it has none. */
export function concurrencyKeyOf({ run }: Pick<ActiveRun, "run">): string | null {
  const key = run.concurrencyKey ?? null;
  return key === null ? null : `${run.dagId}\n${key}`;
}

/** Whether all that is left of a run waits, by depends_on_past, for this one: neither would ever go on without its turn. */
const waitsFor = (holder: ActiveRun, { run }: ActiveRun): boolean =>
  holder.past?.runId === run.runId &&
  holder.nodes.every(({ task }) => task.state === "none" || isFinished(task.state)) &&
  holder.nodes.some(({ task, taskAt }) => task.state === "none" && heldUpBy(holder, taskAt) !== null);

const ruleOf = ({ dag }: ActiveRun) => dag.version.spec.concurrencyKey?.onConflict ?? "queue";

const inTurn = ({ run: a }: ActiveRun, { run: b }: ActiveRun): number =>
  a.runAfterAt - b.runAfterAt || (a.runId < b.runId ? -1 : 1);
