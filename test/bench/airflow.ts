import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../engine/store/open.ts";
import { Airflow, findAirflow, SETTINGS } from "./airflow-system.ts";
import { chain, dagOf, decided, fan, wide, type BenchTask } from "./dags.ts";
import { figure, median, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { askForRuns, benchEngine, succeeded } from "./real-engine.ts";

interface Shape {
  readonly name: string;
  readonly what: string;
  readonly tasks: readonly BenchTask[];
}

/** As in airflow-dags.py. */
const SHAPES: readonly Shape[] = [
  { name: "chain", what: "chain of 40", tasks: chain(40) },
  { name: "fan", what: "fan-out 1-8-1", tasks: fan(8) },
  { name: "wide", what: "100 side by side", tasks: wide(100) },
];
/** What Airflow has beside what Nocturne has: the scheduler alone decides of the first, the second is launched. */
const KINDS = [
  { kind: "empty", operator: "EmptyOperator", own: "decided" },
  { kind: "python", operator: "@task", own: "launched" },
] as const;
const NOCTURNE_RUNS = 20;
const AIRFLOW_RUNS = Number(process.env["NOCTURNE_BENCH_RUNS"] ?? 3);

/** The median of a shape's runs, one after another, start to end. */
async function nocturne(store: Store, { name, tasks }: Pick<Shape, "name" | "tasks">): Promise<number> {
  await store.pool.query("TRUNCATE dag_run, task_instance, attempt, state_history, output, run_key CASCADE");
  await askForRuns(store, name, NOCTURNE_RUNS, { maxActiveRuns: 1 });
  const engine = await benchEngine(store, [dagOf(name, tasks)]);
  await engine.settled();
  await engine.stop();
  await succeeded(store);
  const { rows } = await store.pool.query<{ seconds: number }>(
    "SELECT extract(epoch FROM ended_at - started_at)::float8 AS seconds FROM dag_run",
  );
  return median(rows.map(({ seconds }) => seconds));
}

/** The median of its runs; null: one of them failed, or tasks of it. */
async function airflowRuns(airflow: Airflow, dagId: string, tasks: number): Promise<number | null> {
  const seconds: number[] = [];
  for (let round = 0; round < AIRFLOW_RUNS; round++) {
    const run = await airflow.run(dagId);
    if (run.state !== "success" || run.tasks !== tasks) return null;
    seconds.push(run.seconds);
  }
  return median(seconds);
}

async function withAirflow(store: Store, tell: Telling, own: ReadonlyMap<string, number>): Promise<Figure[]> {
  const scratch = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
  const database = `airflow_bench_${process.pid}`;
  await store.pool.query(`CREATE DATABASE ${database}`);
  try {
    tell.progress("finding Airflow");
    const venv = await findAirflow(scratch);
    if (venv === null) {
      tell.setting("airflow", "cannot be had");
      return [];
    }
    const url = new URL(store.settings.databaseUrl);
    url.pathname = `/${database}`;
    const airflow = await Airflow.start(venv, join(scratch, "airflow"), url.href);
    tell.setting("runs", String(AIRFLOW_RUNS));
    tell.setting("airflow", `${airflow.version} (${SETTINGS})`);
    try {
      const figures: Figure[] = [];
      for (const { name, what, tasks } of SHAPES) {
        for (const { kind, operator, own: ours } of KINDS) {
          tell.progress(`Airflow ${airflow.version}: ${what}, ${operator}`);
          const seconds = await airflowRuns(airflow, `${name}_${kind}`, tasks.length);
          if (seconds === null) tell.setting(`airflow's ${what}, ${operator}`, "failed");
          else
            figures.push(
              figure(`Airflow: ${what}, ${operator}`, seconds, "s", { reference: own.get(`${name} ${ours}`) ?? NaN }),
            );
        }
      }
      return figures;
    } finally {
      await airflow.stop();
    }
  } finally {
    await store.pool.query(`DROP DATABASE ${database} WITH (FORCE)`);
    rmSync(scratch, { recursive: true, force: true });
  }
}

export const airflow: Benchmark = {
  name: "airflow",
  summary:
    "the same chain and fan-out on apache-airflow with LocalExecutor, on the same Postgres (needs Python 3 and pip)",
  run: (tell) =>
    withStore(tell, async (store) => {
      const own = new Map<string, number>();
      const figures: Figure[] = [];
      for (const { name, what, tasks } of SHAPES) {
        for (const kind of ["decided", "launched"]) {
          tell.progress(`Nocturne: ${what}, ${kind}`);
          const seconds = await nocturne(store, { name, tasks: kind === "decided" ? decided(tasks) : tasks });
          own.set(`${name} ${kind}`, seconds);
          figures.push(figure(`Nocturne: ${what}, ${kind}`, seconds, "s"));
        }
      }
      return [...figures, ...(await withAirflow(store, tell, own))];
    }),
};
