import type { TaskSpec } from "../dag.ts";
import type { DagGraph } from "../graph/dag-graph.ts";

interface Waiting extends Pick<DagGraph, "downstream"> {
  readonly tasks: readonly TaskSpec[];
  readonly taskNos: readonly number[];
}

/** Which tasks of the run before each task waits for, by place: its own, and with wait_for_downstream what follows it. */
export function pastTasks({ tasks, taskNos, downstream }: Waiting): ReadonlyMap<number, readonly number[]> {
  const waits = new Map<number, number[]>();
  tasks.forEach(({ dependsOnPast, waitForDownstream, teardownOf }, taskAt) => {
    // A teardown is held up by nothing (rule 25).
    if ((!dependsOnPast && !waitForDownstream) || teardownOf.length > 0) return;
    const others = waitForDownstream ? (downstream[taskAt] ?? []) : [];
    waits.set(
      taskAt,
      [taskAt, ...others].map((place) => taskNos[place] ?? -1),
    );
  });
  return waits;
}
