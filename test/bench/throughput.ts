import { bareRows } from "./bare-rows.ts";
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
      const bare: number[] = [];
      for (let round = 0; round < ROUNDS; round++) bare.push(await bareRows(store, TASKS / 5));
      const floor = median(bare);
      figures.push(figure("the same rows in a bare loop, tasks", floor, "/s"));
      const commits = await commitsPerSecond(store);
      if (commits === null) tell.progress("pgbench is not installed here: its commit rate is not measured");
      else figures.push(figure("pgbench, one client, one row a commit", commits, "/s"));
      for (const shape of SHAPES.filter(({ name }) => name.startsWith(ONLY))) {
        const rates: number[] = [];
        for (let round = 1; round <= ROUNDS; round++) {
          tell.progress(`${shape.name}, about ${TASKS} tasks, round ${round} of ${ROUNDS}`);
          rates.push((await costOf(store, shape, TASKS)).perSecond);
        }
        figures.push(
          figure(`${shape.name}, task instances`, median(rates), "/s", { target: "15000", reference: floor }),
        );
      }
      return figures;
    }),
};
