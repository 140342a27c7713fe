import { TRIGGER_RULES, type TriggerRule } from "../../engine/core/dag.ts";
import type { Draws } from "./draws.ts";
import { ALWAYS, type Kind, type PlannedDag, type PlannedItem, type PlannedTask } from "./plan.ts";

export interface DagWish {
  readonly id: string;
  readonly days: number;
  readonly tasks: number;
  /** Kinds of plain tasks, as often as they are to come. */
  readonly kinds: readonly Kind[];
  readonly hasPool: boolean;
  /** Begins with a cluster, a step on it and its end. */
  readonly hasCluster: boolean;
}

/** Kinds whose output holds a number that others can read. */
const TELLS: readonly Kind[] = ["shell", "athena", "redshift"];
const MAPPABLE: readonly Kind[] = ["noop", "shell", "athena", "redshift"];

/** A random DAG. Edges only point to earlier tasks, so there is no cycle; nothing follows a teardown. */
export function drawDag(draws: Draws, wish: DagWish): PlannedDag {
  const tasks: PlannedTask[] = wish.hasCluster ? clusterTasks(draws, wish) : [];
  while (tasks.length < wish.tasks) {
    if (wish.tasks - tasks.length >= 3 && draws.chance(0.15)) tasks.push(...withSetup(draws, wish, tasks));
    else tasks.push(plainTask(draws, wish, tasks));
  }
  return { id: wish.id, tasks, maxActiveTasks: draws.pick([1, 2, 4, 16]) };
}

const nextId = (tasks: readonly PlannedTask[], offset = 0): string => `t${tasks.length + offset}`;

function plainTask(draws: Draws, wish: DagWish, before: readonly PlannedTask[]): PlannedTask {
  const dependsOn = upstreams(draws, before);
  const rule = dependsOn.length === 0 || draws.chance(0.4) ? "all_success" : draws.pick(TRIGGER_RULES);
  const kind = draws.pick(wish.kinds);
  const mapping = MAPPABLE.includes(kind) && draws.chance(0.2) ? drawMapping(draws, before, dependsOn, rule) : null;
  const isWanted = draws.times(wish.days, () => mapping !== null || !draws.chance(0.06));
  return drawTask(draws, wish, before, { id: nextId(before), kind, dependsOn, rule, isWanted, ...mapping });
}

const upstreams = (draws: Draws, before: readonly PlannedTask[]): string[] => {
  const free = before.filter(({ teardownOf }) => teardownOf === null).map(({ id }) => id);
  return draws.some(free, draws.pick([0, 1, 1, 2, 2, 3]));
};

/** Over a list in the file, or, where it is sure to be there, over the list in an upstream's output. */
function drawMapping(draws: Draws, before: readonly PlannedTask[], dependsOn: readonly string[], rule: TriggerRule) {
  const lists = before.filter(
    ({ id, kind, items, setupFor }) =>
      dependsOn.includes(id) && kind === "shell" && items === null && setupFor.length === 0,
  );
  const from = rule === "all_success" && draws.chance(0.7) ? lists[0] : undefined;
  return {
    items: from ? offeredBy(from) : draws.times(draws.int(0, 3), () => item(draws)),
    itemsFrom: from?.id ?? null,
  };
}

const item = (draws: Draws): PlannedItem => ({ n: draws.int(1, 9), fails: draws.pick([0, 0, 0, 0, 1, ALWAYS]) });

/** The list in the output of a task of the kind shell: made of its number, so that nobody has to remember it. */
export const offeredBy = ({ n }: Pick<PlannedTask, "n">): readonly PlannedItem[] =>
  Array.from({ length: n % 4 }, (_, index) => ({ n: n + index, fails: (n + index) % 5 === 0 ? 1 : 0 }));

type Said = Pick<PlannedTask, "id" | "kind" | "dependsOn" | "rule"> & Partial<PlannedTask>;

function drawTask(draws: Draws, wish: DagWish, before: readonly PlannedTask[], said: Said): PlannedTask {
  const hasItems = said.items !== undefined && said.items !== null;
  // A try of a trigger is a run of its own, with the same end as the last one.
  const retries = said.kind === "trigger" ? 0 : hasItems ? draws.int(1, 2) : draws.pick([0, 1, 1, 2]);
  const fails = (): number => (draws.chance(0.65) ? 0 : draws.chance(0.7) ? draws.int(0, retries) : ALWAYS);
  const own = draws.chance(0.5) ? draws.times(wish.days, fails) : Array<number>(wish.days).fill(fails());
  const isTrue = said.kind === "noop" || said.kind === "trigger" || said.kind === "terminate" || hasItems;
  const all = said.rule === "all_success" && said.teardownOf === undefined;
  return {
    retries,
    fails: isTrue ? Array<number>(wish.days).fill(0) : own,
    isWanted: Array<boolean>(wish.days).fill(true),
    teardownOf: null,
    setupFor: [],
    pool: wish.hasPool && draws.chance(0.3) ? "narrow" : null,
    items: null,
    itemsFrom: null,
    n: draws.int(1, 20),
    reads: all && TELLS.includes(said.kind) ? before.filter(isRead(said)).map(({ id }) => id) : [],
    sleepMs: draws.chance(0.4) ? draws.int(20, 400) : 0,
    ...said,
  };
}

/**
 * Whether the task adds this one's number: an upstream that tells one. Of a mapped one the sum, where it is simple to take.
 * A setup's output is only for the work that its teardown waits for.
 */
const isRead =
  (said: Said) =>
  ({ id, kind, items, setupFor }: PlannedTask): boolean =>
    said.dependsOn.includes(id) &&
    (kind === "shell" || (TELLS.includes(kind) && items === null)) &&
    (setupFor.length === 0 || setupFor.includes(said.id));

/** A setup, the work on it and its teardown. */
function withSetup(draws: Draws, wish: DagWish, before: readonly PlannedTask[]): PlannedTask[] {
  const [setupId, workId, downId] = [nextId(before), nextId(before, 1), nextId(before, 2)];
  const draw = (said: Omit<Said, "kind" | "rule">, among: readonly PlannedTask[]): PlannedTask =>
    drawTask(draws, wish, among, { kind: draws.pick(["shell", "athena", "redshift"]), rule: "all_success", ...said });
  const setup = draw({ id: setupId, dependsOn: upstreams(draws, before), setupFor: [workId] }, before);
  const work = draw({ id: workId, dependsOn: [setupId] }, [setup]);
  return [setup, work, draw({ id: downId, dependsOn: [workId], teardownOf: setupId }, [])];
}

function clusterTasks(draws: Draws, wish: DagWish): PlannedTask[] {
  const never = { fails: Array<number>(wish.days).fill(0), retries: 1, pool: null } as const;
  const draw = (said: Said): PlannedTask => drawTask(draws, wish, [], said);
  const rule = "all_success";
  return [
    draw({ id: "t0", kind: "cluster", dependsOn: [], rule, setupFor: ["t1"], ...never }),
    draw({ id: "t1", kind: "step", dependsOn: ["t0"], rule }),
    draw({ id: "t2", kind: "terminate", dependsOn: ["t1"], rule, teardownOf: "t0", ...never }),
  ];
}
