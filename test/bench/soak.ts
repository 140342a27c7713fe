import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { Store } from "../../engine/store/open.ts";
import { dagOf, type BenchTask } from "./dags.ts";
import { figure, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { askForRuns, benchEngine, succeeded } from "./real-engine.ts";

const TASKS = Number(process.env["NOCTURNE_SOAK_TASKS"] ?? 10_000_000);
const PARTS = 10;
const CHAIN = 10;
const CHAINS = 10;
/** As many as a person's backfill would have at once on such a machine. */
const AT_ONCE = 8;

/** Ten chains of ten beside each other. */
const CHAINS_OF_TEN: readonly BenchTask[] = Array.from({ length: CHAINS * CHAIN }, (_, index) => ({
  taskId: `t${index}`,
  dependsOn: index % CHAIN === 0 ? [] : [`t${index - 1}`],
}));

/** One tenth of the way: what the process and the database were like after it. */
interface Part {
  readonly tasksASecond: number;
  readonly rssMb: number;
  readonly heapMb: number;
  /** From an upstream's end to its downstream's intent. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly cpuUsATask: number;
}

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

const SIZES = "SELECT pg_current_wal_lsn()::text AS lsn, pg_database_size(current_database())::float8 AS bytes";

const WAITS = `SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY ms) AS p50, percentile_cont(0.99) WITHIN GROUP (ORDER BY ms) AS p99
  FROM (SELECT extract(epoch FROM attempt.intent_at - upstream.ended_at)::float8 * 1000 AS ms
        FROM attempt JOIN task_instance AS upstream USING (run_id, map_index)
        WHERE upstream.task_no = attempt.task_no - 1 AND (attempt.task_no - 1) % ${CHAIN} <> 0
          AND attempt.run_id IN (SELECT run_id FROM dag_run ORDER BY run_id DESC LIMIT $1)) AS wait`;

const RUNS = Math.ceil(TASKS / PARTS / CHAINS / CHAIN);

/** Each tenth has a DAG of its own: there are not as many days in the past as runs of all. */
const dagIdOf = (part: number): string => `soak_${part}`;
const DAGS = Array.from({ length: PARTS }, (_, part) => dagOf(dagIdOf(part), CHAINS_OF_TEN));

/** One backfill after another through the same engine, each a tenth of the tasks. */
async function soakThrough(store: Store, tell: Telling): Promise<Part[]> {
  const engine = await benchEngine(store, DAGS);
  const parts: Part[] = [];
  for (let part = 0; part < PARTS; part++) {
    const startedAt = performance.now();
    const cpu = process.cpuUsage();
    await askForRuns(store, dagIdOf(part), RUNS, { maxActiveRuns: AT_ONCE });
    await engine.settled();
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const tasks = RUNS * CHAINS * CHAIN;
    const { rows } = await store.pool.query<{ p50: number; p99: number }>(WAITS, [Math.min(RUNS, 100)]);
    collectGarbage();
    const { rss, heapUsed } = process.memoryUsage();
    const sample = {
      tasksASecond: tasks / seconds,
      rssMb: rss / 1e6,
      heapMb: heapUsed / 1e6,
      p50Ms: rows[0]?.p50 ?? NaN,
      p99Ms: rows[0]?.p99 ?? NaN,
      cpuUsATask: (user + system) / tasks,
    };
    parts.push(sample);
    const told = Object.entries(sample).map(([name, value]) => `${name} ${value.toFixed(1)}`);
    tell.progress(`${part + 1} of ${PARTS}: ${told.join(", ")}`);
  }
  await engine.stop();
  return parts;
}

export const soak: Benchmark = {
  name: "soak",
  summary:
    "millions of no-op tasks in backfill after backfill (NOCTURNE_SOAK_TASKS): memory and latency must stay flat",
  run: (tell) =>
    withStore(tell, async (store) => {
      tell.setting("tasks", String(TASKS));
      const { rows: before } = await store.pool.query<{ lsn: string; bytes: number }>(SIZES);
      const parts = await soakThrough(store, tell);
      const done = await succeeded(store);
      if (done !== PARTS * RUNS * CHAINS * CHAIN) throw new Error(`${done} tasks were done`);
      const { rows: after } = await store.pool.query<{ lsn: string; bytes: number }>(SIZES);
      const { rows: wal } = await store.pool.query<{ bytes: number }>(
        "SELECT pg_wal_lsn_diff($1::pg_lsn, $2::pg_lsn)::float8 AS bytes",
        [after[0]?.lsn, before[0]?.lsn],
      );
      const [first, last] = [parts[0], parts.at(-1)];
      if (!first || !last) throw new Error("nothing was measured");
      const against = (what: string, unit: string, of: (part: Part) => number): Figure =>
        figure(`${what}, last tenth`, of(last), unit, { target: "x1.1", reference: of(first) });
      return [
        against("heap after a collection", "MB", ({ heapMb }) => heapMb),
        against("resident memory", "MB", ({ rssMb }) => rssMb),
        against("upstream's end to downstream's intent, p50", "ms", ({ p50Ms }) => p50Ms),
        against("upstream's end to downstream's intent, p99", "ms", ({ p99Ms }) => p99Ms),
        against("CPU of the engine's process", "us/task", ({ cpuUsATask }) => cpuUsATask),
        against("task instances", "/s", ({ tasksASecond }) => tasksASecond),
        figure("WAL", (wal[0]?.bytes ?? NaN) / done, "B/task"),
        figure("database", ((after[0]?.bytes ?? NaN) - (before[0]?.bytes ?? NaN)) / done, "B/task"),
      ];
    }),
};
