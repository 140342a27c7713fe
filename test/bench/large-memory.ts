import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { World } from "../../engine/core/machine/world.ts";
import { loadWorld } from "../../engine/store/load.ts";
import type { Store } from "../../engine/store/open.ts";
import { chain, dagOf } from "./dags.ts";
import { figure, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { benchEngine } from "./real-engine.ts";

const TASKS = 20;
const RUNS = 10_000;

/** Runs in the middle: half of the tasks have ended, one is at work, the others wait. */
const HALF_WAY = [
  `INSERT INTO dag_run (run_id, dag_id, dag_run_id, run_type, logical_at, run_after_at, version_id, conf, state, queued_at,
     started_at, triggered_by)
   SELECT gen_random_uuid(), dag_id, 'run_' || n, 'scheduled', at + n * interval '1 minute', at, version_id, '{}', 'running', at, at, 'bench'
   FROM dag_version, date_trunc('second', clock_timestamp()) AS at, generate_series(1, ${RUNS}) AS n`,
  `INSERT INTO task_instance (run_id, task_no, map_index, state, try_number, max_try, started_at, ended_at)
   SELECT run_id, t, -1, CASE WHEN t < 10 THEN 'success' WHEN t = 10 THEN 'running' ELSE 'none' END,
     CASE WHEN t <= 10 THEN 1 ELSE 0 END, 1, CASE WHEN t <= 10 THEN started_at END, CASE WHEN t < 10 THEN started_at END
   FROM dag_run, generate_series(1, ${TASKS}) AS t`,
  `INSERT INTO attempt (run_id, task_no, map_index, try_number, state, operator, connection, launch_key, params_hash,
     intent_at, send_by, submit_at, pushbacks, ever_in_doubt, ref, submitted_at, ended_at)
   SELECT run_id, t, -1, 1, CASE WHEN t < 10 THEN 'succeeded' ELSE 'open' END, 'athena.query', 'default',
     left(encode(sha256((run_id::text || t)::bytea), 'hex'), 48), encode(sha256(t::text::bytea), 'hex'),
     started_at, started_at, started_at, 0, false, jsonb_build_object('queryExecutionId', gen_random_uuid()), started_at,
     CASE WHEN t < 10 THEN started_at END
   FROM dag_run, generate_series(1, 10) AS t`,
];

function heapAfterCollection(): number {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let round = 0; round < 3; round++) collect();
  return process.memoryUsage().heapUsed;
}

async function measure(store: Store, tell: Telling): Promise<Figure[]> {
  const engine = await benchEngine(store, [dagOf("held", chain(TASKS), { maxActiveRuns: RUNS })]);
  await engine.ready;
  await engine.stop();
  tell.progress(`${RUNS} runs of ${TASKS} tasks`);
  for (const statement of HALF_WAY) await store.pool.query(statement);
  const before = heapAfterCollection();
  const startedAt = performance.now();
  const world = await read(store);
  const seconds = (performance.now() - startedAt) / 1000;
  const bytes = heapAfterCollection() - before;
  const thousands = (world.runs.size * TASKS) / 1_000;
  if (thousands !== (RUNS * TASKS) / 1_000) throw new Error(`${world.runs.size} runs were read`);
  return [
    figure("heap for 1,000 loaded task instances", bytes / thousands / 1_000, "KB", { target: "200" }),
    figure(`reading ${thousands * 1_000} task instances at a takeover`, seconds, "s"),
  ];
}

/** What was read is let go of: only the world stays. */
const read = async (store: Store): Promise<World> =>
  new World(await loadWorld(store), { isSensor: () => false, isInstant: () => false }, (runId, error) => {
    throw new Error(`${runId} was put aside`, { cause: error });
  });

export const largeMemory: Benchmark = {
  name: "large-memory",
  summary: `memory of the writer for ${RUNS * TASKS} task instances of running runs`,
  run: (tell) => withStore(tell, (store) => measure(store, tell)),
};
