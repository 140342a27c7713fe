import { SCHEDULE_DEFAULTS } from "../../engine/core/dag.ts";
import type { Store } from "../../engine/store/open.ts";
import type { Engine } from "../../engine/runtime/engine.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import { chain, dagOf, wide, type BenchTask } from "./dags.ts";
import { figure, median, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { benchEngine } from "./real-engine.ts";

const TASKS = 5_000;
const ROUNDS = 5;
/** So long after it was published a DAG comes due: the engine has nothing else to do by then. */
const AHEAD_MS = 1_500;

interface Round {
  /** From the due instant until another connection sees the run: its flush has been committed. */
  readonly flushed: number;
  /** From the due instant until the last task that waits for nothing was submitted. */
  readonly submitted: number;
}

/** A DAG that comes due once, and what its run's rows say of it. */
async function once(store: Store, engine: Engine, dagId: string, tasks: readonly BenchTask[]): Promise<Round> {
  const { rows } = await store.pool.query<{ now: string }>(
    "SELECT floor(extract(epoch FROM clock_timestamp()) * 1000) AS now",
  );
  const dueAt = Number(rows[0]?.now) + AHEAD_MS;
  const schedule = { ...SCHEDULE_DEFAULTS, isOnce: true, mode: "trigger", timezone: "UTC" } as const;
  engine.publish({ dags: [dagOf(dagId, tasks, { schedule, startAt: dueAt })], gone: [] });
  // The server watches: the engine's own process is busy with the run's tasks by then.
  const seen = await store.pool.query<{ late: number }>("SELECT bench_seen($1) - $2 AS late", [dagId, dueAt]);
  const flushed = seen.rows[0]?.late ?? NaN;
  const roots = tasks.filter(({ dependsOn = [] }) => dependsOn.length === 0).length;
  let submitted = NaN;
  while (Number.isNaN(submitted)) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 50)), engine.ended]);
    const seen = await store.pool.query<{ late: number; count: number }>(
      `SELECT (extract(epoch FROM max(submitted_at)) * 1000 - $2)::float8 AS late, count(*)::int AS count FROM (
         SELECT submitted_at FROM attempt JOIN dag_run USING (run_id)
         WHERE dag_id = $1 AND submitted_at IS NOT NULL ORDER BY submitted_at LIMIT $3) AS first`,
      [dagId, dueAt, roots],
    );
    if (seen.rows[0]?.count === roots) submitted = seen.rows[0].late;
  }
  // What a chain does from then on is another benchmark's matter.
  const { rows: runs } = await store.pool.query<{ run_id: string }>("SELECT run_id FROM dag_run WHERE dag_id = $1", [
    dagId,
  ]);
  await enqueue(store, { kind: "cancel_run", runId: runs[0]?.run_id ?? "", by: "bench" });
  await engine.settled();
  return { flushed, submitted };
}

/** When the DAG's first run is there for everybody to see, in milliseconds of the server's clock, to one of them. */
const SEEN = `CREATE FUNCTION bench_seen(dag text) RETURNS float8 LANGUAGE plpgsql AS $$
  BEGIN
    WHILE NOT EXISTS (SELECT FROM dag_run WHERE dag_id = dag) LOOP PERFORM pg_sleep(0.001); END LOOP;
    RETURN extract(epoch FROM clock_timestamp()) * 1000;
  END $$`;

async function measure(store: Store, tell: Telling): Promise<Figure[]> {
  await store.pool.query(SEEN);
  const engine = await benchEngine(store, [], { plans: true });
  await engine.ready;
  await once(store, engine, "first", wide(10));
  const figures: Figure[] = [];
  for (const [shape, tasks] of Object.entries({ chain: chain(TASKS), wide: wide(TASKS) })) {
    const rounds: Round[] = [];
    for (let round = 1; round <= ROUNDS; round++) {
      tell.progress(`${shape}, ${TASKS} tasks, run ${round} of ${ROUNDS}`);
      rounds.push(await once(store, engine, `${shape}_${round}`, tasks));
    }
    const flushed = median(rounds.map((each) => each.flushed));
    const submitted = median(rounds.map((each) => each.submitted));
    figures.push(figure(`${shape} of ${TASKS}: due time to first flush, median`, flushed, "ms", { target: "50" }));
    figures.push(figure(`${shape} of ${TASKS}: due time to all first tasks submitted`, submitted, "ms"));
  }
  await engine.stop();
  return figures;
}

export const largeDag: Benchmark = {
  name: "large-dag",
  summary: `a DAG of ${TASKS} tasks, a chain and a wide one, from its due time on`,
  run: (tell) => withStore(tell, (store) => measure(store, tell)),
};
