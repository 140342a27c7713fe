import type { Instant } from "../json.ts";
import type { Launch } from "../operator.ts";
import type { Attempt } from "../records.ts";
import type { ActiveRun, Node } from "./active-run.ts";

/** Whether an attempt that its task waits for no more owes something: its end, an open bill, a late search, duplicates to cancel. */
export const hasDebts = (attempt: Attempt): boolean =>
  attempt.state === "orphan" || attempt.settleAt !== null || attempt.searchAt !== null || attempt.duplicates.length > 0;

/**
 * A node as memory keeps it: the attempt of a task that succeeded says nothing more once it owes nothing, and of most tasks of
 * a large run it would be the most that memory holds. Its row stays.
 */
export function kept(node: Node): Node {
  const { task, attempt } = node;
  const isOver = attempt?.state === "succeeded" && task.state === "success" && !hasDebts(attempt);
  return isOver ? { ...node, attempt: null } : node;
}

/**
 * Whether a request of this attempt may have started a job that only a further request under the same token or name can
 * show. Nothing but its reference ends such an attempt: not a refusal of the repeat, not a withdrawal (rules 18 and 23).
 */
export const mayHaveUnseenJob = (attempt: Attempt, launch: Launch): boolean =>
  attempt.everInDoubt && attempt.ref === null && (launch.kind === "token" || launch.kind === "name");

/** Whether a token of this age may have been forgotten by its service: past half its life it is not trusted (rule 16). */
export const isTokenOld = (attempt: Attempt, launch: Launch, at: Instant): boolean =>
  launch.kind === "token" && at >= attempt.intentAt + launch.ttlMs / 2;

/** Whether a bill of the run is still open. */
export const awaitsBill = ({ settling, nodes }: Pick<ActiveRun, "settling" | "nodes">): boolean =>
  [...settling.values()].some(({ settleAt }) => settleAt !== null) ||
  nodes.some(({ attempt }) => attempt !== null && attempt.settleAt !== null);
