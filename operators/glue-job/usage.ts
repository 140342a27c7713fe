import type { JobRun } from "@aws-sdk/client-glue";
import type { Usage } from "../../engine/core/operator.ts";
import { secondsBetween, unitHours } from "../aws/quantities.ts";
import { DPU_OF, type GlueJobParams } from "./params.ts";

/** Glue bills by the second, at least one minute for each run. Source: AWS Glue pricing. */
const MINIMUM_SECONDS = 60;

/** DPU-seconds so far: DPUSeconds where Glue tells them (FLEX, auto scaling), else ExecutionTime x DPU; in flight the time since the start x DPU. */
export function dpuSeconds(run: JobRun, now: Date): number {
  if (run.DPUSeconds !== undefined) return run.DPUSeconds;
  const isEnded = run.CompletedOn !== undefined;
  const seconds = isEnded ? (run.ExecutionTime ?? 0) : secondsBetween(run.StartedOn ?? now, now);
  return seconds * dpuOf(run);
}

/** cost = max(DPU-seconds, 60 x DPU) / 3600 x rate. A run that ended before it ran costs nothing. */
export function usageOf(run: JobRun, now: Date): Usage[] {
  const used = dpuSeconds(run, now);
  if (run.CompletedOn !== undefined && used === 0) return [];
  return [dpuHours(Math.max(used, MINIMUM_SECONDS * dpuOf(run)), run.ExecutionClass)];
}

/** The least a run of this size costs: how long it takes is not in its parameters. */
export const leastUsage = (params: GlueJobParams): Usage[] => [
  dpuHours(MINIMUM_SECONDS * params.workers * DPU_OF[params.worker_type], params.execution_class),
];

const dpuOf = ({ MaxCapacity, NumberOfWorkers = 0, WorkerType }: JobRun): number =>
  MaxCapacity ?? NumberOfWorkers * ((DPU_OF as Readonly<Record<string, number>>)[WorkerType ?? ""] ?? 1);

const dpuHours = (seconds: number, executionClass: string | undefined): Usage => ({
  kind: executionClass === "FLEX" ? "glue.dpu_hour.flex" : "glue.dpu_hour",
  quantity: unitHours(seconds, 1),
  unit: "DPU-hour",
});
