import { bareRows, decidedRows, launchedRows } from "./bare-rows.ts";
import { decided } from "./dags.ts";
import { figure, median, type Benchmark, type Figure } from "./figures.ts";
import { commitsPerSecond } from "./pgbench.ts";
import { withStore } from "./postgres.ts";
import { costOf, SHAPES } from "./shapes.ts";

const TASKS = Number(process.env["NOCTURNE_BENCH_TASKS"] ?? 50_000);
const ROUNDS = Number(process.env["NOCTURNE_BENCH_ROUNDS"] ?? 3);
const ONLY = process.env["NOCTURNE_BENCH_SHAPE"] ?? "";

export const throughput: Benchmark = {
  name: "throughput",
  summary:
    "no-op tasks through the real engine with attempts and history, in three shapes; beside it the same rows bare",
  run: (tell) =>
    withStore(tell, async (store) => {
      const figures: Figure[] = [];
      const floors = new Map<string, number>();
      for (const [kind, batches] of [
        ["launched", launchedRows],
        ["decided", decidedRows],
      ] as const) {
        const bare: number[] = [];
        for (let round = 0; round < ROUNDS; round++) bare.push(await bareRows(store, TASKS / 5, batches));
        floors.set(kind, median(bare));
        figures.push(figure(`the rows of ${kind} tasks in a bare loop`, median(bare), "/s"));
      }
      const commits = await commitsPerSecond(store);
      if (commits === null) tell.progress("pgbench is not installed here: its commit rate is not measured");
      else figures.push(figure("pgbench, one client, one row a commit", commits, "/s"));
      for (const shape of SHAPES.filter(({ name }) => name.startsWith(ONLY))) {
        for (const [kind, reference] of floors) {
          const own = kind === "decided" ? { name: shape.name, tasks: decided(shape.tasks) } : shape;
          const rates: number[] = [];
          for (let round = 1; round <= ROUNDS; round++) {
            tell.progress(`${shape.name}, about ${TASKS} ${kind} tasks, round ${round} of ${ROUNDS}`);
            rates.push((await costOf(store, own, TASKS)).perSecond);
          }
          const what = `${shape.name}, ${kind} task instances`;
          figures.push(figure(what, median(rates), "/s", { target: "15000", reference }));
        }
      }
      return figures;
    }),
};
