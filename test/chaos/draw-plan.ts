import type { Certainty } from "./certainty.ts";
import { drawDag } from "./draw-dag.ts";
import { Draws } from "./draws.ts";
import { drawIncidents } from "./incidents.ts";
import type { Kind, Plan } from "./plan.ts";

/** Statements are cheap and make most of it; a job of Glue or EMR costs local-aws a process's work. */
const CHEAP: readonly Kind[] = ["athena", "athena", "athena", "redshift", "redshift", "shell", "shell", "noop"];

/** Everything that a seed decides. */
export function drawPlan(seed: number): Plan {
  const draws = new Draws(seed);
  const certainty: Certainty = draws.pick(["exact", "exact", "exact", "exact", "cleared", "steered"]);
  const days = draws.int(1, 3);
  const hasChild = draws.chance(0.3);
  const kinds: Kind[] = [
    ...CHEAP,
    ...(draws.chance(0.5) ? ["glue" as const] : []),
    ...(hasChild ? ["trigger" as const] : []),
  ];
  const hasCluster = draws.chance(0.1);
  const tasks = draws.int(3, 12);
  const main = drawDag(draws, { id: "main", days, tasks, kinds, hasPool: draws.chance(0.5), hasCluster });
  const isTriggered = main.tasks.some(({ kind }) => kind === "trigger");
  const few = { id: "child", days: 1, tasks: draws.int(1, 3), kinds: CHEAP, hasPool: false, hasCluster: false };
  return {
    seed,
    certainty,
    main,
    child: isTriggered ? drawDag(draws, few) : null,
    days: draws.times(days, (index) => `2026-03-0${index + 1}`),
    maxActiveRuns: draws.int(1, 3),
    poolSlots: draws.int(1, 2),
    processes: draws.pick([1, 1, 2, 2, 2, 3, 4]),
    incidents: drawIncidents(draws, certainty),
  };
}
