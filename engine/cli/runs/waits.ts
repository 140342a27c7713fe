import { waitingFor, type Wait } from "../../core/machine/waiting-for.ts";
import { versionById } from "../../store/load.ts";
import type { Store } from "../../store/open.ts";
import type { RunDetail } from "../../store/read-models/run-detail.ts";
import { runWait, taskWaits } from "../../store/read-models/waiting.ts";
import type { App } from "../app.ts";

/** Why a run waits, or tasks of it do; `taskId` null: the run itself. */
export interface WaitLine {
  readonly taskId: string | null;
  /** How many instances of the task wait for the same. */
  readonly count: number;
  readonly why: string;
}

/** What a run that has not ended waits for, in the order of its tasks. */
export async function waitsOf(app: App, store: Store, { run, tasks }: RunDetail): Promise<WaitLine[]> {
  const version = await versionById(store, run.versionId);
  if (!version) return [];
  if (run.state === "queued") {
    const wait = await runWait(store, run, version.spec, Date.now());
    return wait ? [{ taskId: null, count: 1, why: waitingFor(wait) }] : [];
  }
  const isSensor = await slotless(app);
  const waits = await taskWaits(store, run, version, tasks, isSensor);
  const lines = new Map<string, WaitLine>();
  for (const { taskId, taskNo, mapIndex } of tasks) {
    const wait: Wait | undefined = waits.get(`${taskNo}/${mapIndex}`);
    if (!wait) continue;
    const why = waitingFor(wait);
    const known = lines.get(`${taskId}/${why}`);
    lines.set(`${taskId}/${why}`, { taskId, why, count: (known?.count ?? 0) + 1 });
  }
  return [...lines.values()];
}

/** Operators whose tasks hold no slot. */
export async function slotless(app: App): Promise<(operator: string) => boolean> {
  const operators = await app.operators();
  const types = new Set(
    operators.flatMap(({ type, launch, holdsNoSlot }) => (launch.kind === "sensor" || holdsNoSlot ? [type] : [])),
  );
  return (operator) => types.has(operator);
}

export const waitText = ({ taskId, count, why }: WaitLine): string =>
  taskId === null ? `waits: ${why}` : `${taskId}${count > 1 ? ` (${count} instances)` : ""} waits: ${why}`;
