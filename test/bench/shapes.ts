import type { Store } from "../../engine/store/open.ts";
import { cpuTimes } from "./cpu.ts";
import { chain, dagOf, fan, wide, type BenchTask } from "./dags.ts";
import { askForRuns, benchEngine, succeeded } from "./real-engine.ts";

export interface Shape {
  readonly name: string;
  readonly tasks: readonly BenchTask[];
}

export const SHAPES: readonly Shape[] = [
  { name: "chain-10", tasks: chain(10) },
  { name: "fan-1-8-1", tasks: fan(8) },
  { name: "wide-1000", tasks: wide(1_000) },
];

/** What one task instance of a shape takes, and how many of them there are a second. */
export interface Cost {
  readonly perSecond: number;
  readonly nodeCpuUs: number;
  /** null: the server is not on this machine. */
  readonly postgresCpuUs: number | null;
  readonly walBytes: number;
  readonly tableBytes: number;
  readonly perFlush: number;
}

const TABLES = ["dag_run", "run_key", "task_instance", "attempt", "state_history", "output", "frozen_params"];

/** About `wanted` tasks of a shape through the real engine, all runs at once; from the first run's start to the last's end. */
export async function costOf(store: Store, { name, tasks }: Shape, wanted: number): Promise<Cost> {
  await store.pool.query(`TRUNCATE ${TABLES.join(", ")} CASCADE`);
  const engine = await benchEngine(store, [dagOf(name, tasks)]);
  const [walBefore, tablesBefore, cpuBefore] = [await walAt(store), await tableBytes(store), await cpuTimes(store)];
  await askForRuns(store, name, Math.max(1, Math.round(wanted / tasks.length)));
  await engine.settled();
  const cpu = await cpuTimes(store);
  await engine.stop();
  const { rows } = await store.pool.query<{ seconds: number }>(
    "SELECT extract(epoch FROM max(ended_at) - min(started_at))::float8 AS seconds FROM dag_run",
  );
  const flushes = await store.pool.query<{ count: number }>(
    "SELECT count(DISTINCT xmin::text)::int AS count FROM state_history WHERE to_state = 'queued'",
  );
  const done = await succeeded(store);
  const each = (amount: number): number => amount / done;
  return {
    perSecond: done / (rows[0]?.seconds ?? NaN),
    nodeCpuUs: each((cpu.node - cpuBefore.node) * 1_000),
    postgresCpuUs:
      cpu.postgres === null || cpuBefore.postgres === null ? null : each((cpu.postgres - cpuBefore.postgres) * 1_000),
    walBytes: each((await walAt(store)) - walBefore),
    tableBytes: each((await tableBytes(store)) - tablesBefore),
    perFlush: done / (flushes.rows[0]?.count ?? NaN),
  };
}

async function walAt(store: Store): Promise<number> {
  const { rows } = await store.pool.query<{ at: number }>(
    "SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS at",
  );
  return rows[0]?.at ?? NaN;
}

async function tableBytes(store: Store): Promise<number> {
  const { rows } = await store.pool.query<{ bytes: number }>(
    `SELECT sum(pg_total_relation_size(coalesce(partition.relid, named::regclass)))::float8 AS bytes
     FROM unnest($1::text[]) AS named LEFT JOIN LATERAL pg_partition_tree(named::regclass) AS partition ON true`,
    [TABLES],
  );
  return rows[0]?.bytes ?? NaN;
}
