import type { QueryConfig } from "pg";
import { SCHEDULE_DEFAULTS } from "../../engine/core/dag.ts";
import type { Store } from "../../engine/store/open.ts";
import { chain, dagOf } from "./dags.ts";
import { figure, median, type Benchmark, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { benchEngine } from "./real-engine.ts";

const TASKS = 20;
const DUE = 1_000;
const ROUNDS = 3;

const dagCount = (): number => Number(process.env["NOCTURNE_BENCH_DAGS"] ?? 100_000);

/** What a night does, so that a spec is as long as those of real files. */
const TEMPLATE = dagOf(
  "TEMPLATE",
  chain(TASKS).map((task) => ({ ...task, with: { uri: `s3://acme-sales/raw/{{ ds }}/${task.taskId}/_SUCCESS` } })),
  {
    schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "America/New_York" },
    startAt: Date.UTC(2026, 0, 1),
  },
).spec;

/** DAGs as they are stored once they have been planned; `DUE` of them came due while nobody wrote. */
async function makeDags(store: Store, count: number): Promise<void> {
  const client = await store.pool.connect();
  // The pool's own limits are for statements of an engine.
  const long = (text: string, values: unknown[] = []) =>
    client.query({ text, values, query_timeout: 3_600_000 } as QueryConfig);
  try {
    await client.query("SET statement_timeout = 0");
    await long(
      `INSERT INTO dag (dag_id, file, is_paused, scheduled_until, next_due_at)
       SELECT 'dag_' || n, 'dags/dag_' || n || '.yaml', false, now - interval '1 day',
         now + CASE WHEN n <= $2 THEN interval '-1 minute' ELSE interval '12 hours' END
       FROM generate_series(1, $1::int) AS n, date_trunc('milliseconds', clock_timestamp()) AS now`,
      [count, DUE],
    );
    await long(
      `INSERT INTO dag_version (version_id, dag_id, version_number, hash, spec, source)
       SELECT gen_random_uuid(), 'dag_' || n, 1, md5(n::text), replace($2, 'TEMPLATE', 'dag_' || n)::json, ''
       FROM generate_series(1, $1::int) AS n`,
      [count, JSON.stringify(TEMPLATE)],
    );
    await long(
      `INSERT INTO dag_task (dag_id, task_id, task_no)
       SELECT 'dag_' || n, 't' || t, t + 1 FROM generate_series(1, $1::int) AS n, generate_series(0, ${TASKS - 1}) AS t`,
      [count],
    );
    await long("VACUUM (ANALYZE)");
  } finally {
    client.release(true);
  }
}

/** From the call to the first flush of the writer's own; nothing is planned, so that every round finds the same. */
async function start(store: Store): Promise<{ readonly ms: number; readonly heap: number }> {
  const startedAt = performance.now();
  const engine = await benchEngine(store, []);
  await engine.ready;
  const ms = performance.now() - startedAt;
  const heap = process.memoryUsage().heapUsed / 1e6;
  await engine.stop();
  return { ms, heap };
}

/** How long it takes until the runs of all that is due have been made. */
async function plan(store: Store): Promise<number> {
  const startedAt = performance.now();
  const engine = await benchEngine(store, [], { plans: true });
  for (;;) {
    const { rows } = await store.pool.query<{ left: number }>(
      "SELECT count(*)::int AS left FROM dag WHERE next_due_at <= clock_timestamp()",
    );
    if (rows[0]?.left === 0) break;
    await Promise.race([new Promise((resolve) => setTimeout(resolve, 50)), engine.ended]);
  }
  const ms = performance.now() - startedAt;
  await engine.stop();
  return ms;
}

async function measure(store: Store, tell: Telling) {
  const count = dagCount();
  tell.progress(`${count} DAGs of ${TASKS} tasks`);
  await makeDags(store, count);
  const starts: Awaited<ReturnType<typeof start>>[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    tell.progress(`start ${round} of ${ROUNDS}`);
    starts.push(await start(store));
  }
  tell.progress(`the runs of ${DUE} DAGs that are due`);
  const planned = await plan(store);
  return [
    figure(`start with ${count} DAGs`, median(starts.map(({ ms }) => ms)) / 1000, "s", { target: "10" }),
    figure("heap after it", median(starts.map(({ heap }) => heap)), "MB"),
    figure(`start until the runs of ${DUE} DAGs due are made`, planned / 1000, "s"),
  ];
}

export const largeStart: Benchmark = {
  name: "large-start",
  summary: "an engine's start with 100,000 DAGs in the database (NOCTURNE_BENCH_DAGS), 1,000 of them due",
  run: (tell) => withStore(tell, (store) => measure(store, tell)),
};
