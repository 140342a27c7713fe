import { figure, median, type Benchmark, type Figure } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { costOf, SHAPES, type Cost } from "./shapes.ts";

const TASKS = Number(process.env["NOCTURNE_BENCH_TASKS"] ?? 50_000);
const ROUNDS = 3;

const WHAT: readonly { readonly of: (cost: Cost) => number | null; readonly name: string; readonly unit: string }[] = [
  { of: ({ nodeCpuUs }) => nodeCpuUs, name: "CPU of the engine", unit: "us" },
  { of: ({ postgresCpuUs }) => postgresCpuUs, name: "CPU of Postgres", unit: "us" },
  { of: ({ walBytes }) => walBytes, name: "WAL", unit: "bytes" },
  { of: ({ tableBytes }) => tableBytes, name: "tables and indexes", unit: "bytes" },
  { of: ({ perFlush }) => perFlush, name: "task instances a flush", unit: "" },
];

export const scale: Benchmark = {
  name: "scale",
  summary: "what one task instance takes of CPU, WAL and disk: the figures behind docs/scale.md",
  run: (tell) =>
    withStore(tell, async (store) => {
      const figures: Figure[] = [];
      for (const shape of SHAPES) {
        tell.progress(shape.name);
        const costs: Cost[] = [];
        for (let round = 0; round < ROUNDS; round++) costs.push(await costOf(store, shape, TASKS));
        for (const { of, name, unit } of WHAT) {
          const values = costs.flatMap((cost) => of(cost) ?? []);
          if (values.length > 0) figures.push(figure(`${shape.name}: ${name}`, median(values), unit));
        }
      }
      return figures;
    }),
};
