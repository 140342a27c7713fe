import type { DagSpec } from "../dag.ts";
import type { Instant } from "../json.ts";
import { nextTick } from "./ticks.ts";

/**
 * How long after its tick a run is due: always the same for one DAG and tick, spread evenly over DAGs and ticks, and never
 * as long as the way to the next tick, so that runs come due in the order of their dates.
 */
export function jitterMs(spec: Pick<DagSpec, "dagId" | "schedule" | "startAt">, tick: Instant): number {
  const most = spec.schedule?.jitterMs ?? 0;
  if (most === 0) return 0;
  const gap = (nextTick(spec, tick) ?? Infinity) - tick;
  return Math.floor(share(`${spec.dagId}/${tick}`) * Math.min(most, gap));
}

/** A number in [0, 1) from a text: FNV-1a, then mixed, since the last letters of near texts differ little. */
function share(text: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}
