import type { TaskWish } from "../../commands.ts";
import { inOrder, reachable, selectTasks, type Refusal, type View } from "./select.ts";

/** What a clear would do: the places it begins anew, and the setups it leaves, since what they made still stands. */
export interface ClearPlan {
  readonly places: readonly number[];
  readonly left: readonly number[];
}

/**
 * What a clear of these tasks comes to. Setups and teardowns of cleared work are cleared with it, as in Airflow; but a setup
 * whose teardown has not begun still stands, and a second one would never be torn down. While a teardown is at work nothing
 * that it tears down for can begin anew (protocol rule 25).
 */
export function whatToClear(view: View, wish: TaskWish): ClearPlan | Refusal {
  const selected = selectTasks(view, wish);
  if ("code" in selected) return selected;
  const { dag, nodes } = view;
  const chosen = new Set(selected.filter((place) => nodes[place]?.task.state !== "none"));
  const work = new Set([...chosen].map((place) => nodes[place]?.taskAt ?? place));
  const scopes = setupsOf(view, work);
  const left: number[] = [];
  for (const [setup, teardowns] of scopes) {
    const busy = teardowns.find((each) => isAtWork(view, each));
    if (busy !== undefined) {
      const message = `${dag.tasks[busy]?.taskId} is tearing down what ${dag.tasks[setup]?.taskId} made: clear again when it has ended`;
      return { code: "ACTION_REFUSED", message };
    }
    const isStanding =
      nodes[setup]?.task.state === "success" &&
      teardowns.some((each) => !hasBegun(view, each)) &&
      !isAnyDone(view, teardowns);
    if (isStanding) {
      left.push(setup);
      chosen.delete(setup);
    } else if (nodes[setup]?.task.state !== "none") chosen.add(setup);
    for (const each of teardowns) if (nodes[each]?.task.state !== "none") chosen.add(each);
  }
  return { places: inOrder(view, [...chosen]), left };
}

/** The setups that these tasks need, or are, each with its teardowns. Source: Airflow's clearing of setups and teardowns. */
function setupsOf({ dag }: View, work: ReadonlySet<number>): ReadonlyMap<number, readonly number[]> {
  const teardownsOf = (setup: number): number[] =>
    dag.setups.flatMap((setups, taskAt) => (setups.includes(setup) ? [taskAt] : []));
  const found = new Map<number, readonly number[]>();
  for (const taskAt of work) {
    const setups = dag.tasks[taskAt]?.isSetup ? [taskAt] : [];
    const own = dag.isTeardown[taskAt] ? (dag.setups[taskAt] ?? []) : [];
    const below = reachable(dag.downstream, [taskAt]);
    const needed = [...reachable(dag.upstream, [taskAt])].filter((from) => {
      const teardowns = teardownsOf(from);
      return (
        dag.tasks[from]?.isSetup === true &&
        !dag.isTeardown[taskAt] &&
        (teardowns.length === 0 || teardowns.some((each) => below.has(each)))
      );
    });
    for (const setup of [...setups, ...own, ...needed]) found.set(setup, teardownsOf(setup));
  }
  return found;
}

const isAtWork = ({ nodes }: View, place: number): boolean => {
  const state = nodes[place]?.task.state;
  return state === "queued" || state === "running" || state === "up_for_retry";
};

const hasBegun = ({ nodes }: View, place: number): boolean => {
  const state = nodes[place]?.task.state;
  return state !== "none" && state !== "scheduled";
};

const isAnyDone = ({ nodes }: View, places: readonly number[]): boolean =>
  places.some((place) => nodes[place]?.task.state === "success");
