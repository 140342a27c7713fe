import type { Store } from "../../engine/store/open.ts";
import { dagPage } from "../../engine/store/read-models/dag-list.ts";
import { listRuns } from "../../engine/store/read-models/runs.ts";
import { runDetail } from "../../engine/store/read-models/run-detail.ts";
import { runHistory } from "../../engine/store/read-models/run-history.ts";
import { runPage } from "../../engine/store/read-models/run-list.ts";
import { newestRunId, runMarks } from "../../engine/store/read-models/run-marks.ts";
import { taskPage } from "../../engine/store/read-models/task-instances.ts";
import { chain, dagOf } from "./dags.ts";
import { figure, median, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { makeHistory, oldDags } from "./large-rows.ts";
import { withStore } from "./postgres.ts";
import { askForRuns, benchEngine } from "./real-engine.ts";

const TASKS = 40;
const RUNS = 20;
const LOOKS = 15;

export const historyRows = (): number => Number(process.env["NOCTURNE_BENCH_ROWS"] ?? 10_000_000);

/** What pages and commands read: each as often as `LOOKS`. */
const VIEWS: Readonly<Record<string, (store: Store, dagId: string) => Promise<unknown>>> = {
  "newest 100 runs": (store) => listRuns(store),
  "newest 100 runs of a DAG": (store, dagId) => listRuns(store, { dagId }),
  "one run with its tasks": async (store, dagId) => {
    const [newest] = await listRuns(store, { dagId, limit: 1 });
    return runDetail(store, dagId, newest?.dagRunId ?? "");
  },
  "list of DAGs": (store) => dagPage(store, { visible: ["*"], limit: 50, offset: 0, orderBy: [] }),
  "page of a DAG's runs in a week": (store, dagId) =>
    runPage(store, {
      ...{ visible: ["*"], dagId, limit: 100, offset: 0 },
      orderBy: [{ by: "logical_date", isDescending: true }],
      logicalAt: { gte: Date.UTC(1990, 0, 2), lt: Date.UTC(1990, 0, 9) },
    }),
  "page of failed runs": (store) =>
    runPage(store, {
      ...{ visible: ["*"], states: ["failed"], limit: 50, offset: 0 },
      orderBy: [{ by: "id", isDescending: true }],
    }),
  "tasks of a run": async (store, dagId) => {
    const [newest] = await listRuns(store, { dagId, limit: 1 });
    const dagRunId = newest?.dagRunId ?? "";
    return taskPage(store, { visible: ["*"], dagId, dagRunId, limit: 100, offset: 0, orderBy: [] });
  },
  "how the last runs were": (store, dagId) => runHistory(store, dagId),
  "marks of what is active": async (store) => runMarks(store, { after: await newestRunId(store), runIds: [] }),
};

interface Measured {
  /** Of one hop of a chain, in milliseconds. */
  readonly hop: number;
  /** Of one commit by itself, on the same server at the same time. */
  readonly commit: number;
  /** From the engine's start until it has taken the row and read what it needs. */
  readonly startMs: number;
  readonly views: Readonly<Record<string, number>>;
}

async function measure(store: Store, round: number): Promise<Measured> {
  const startedAt = performance.now();
  const dagId = `chain_${round}`;
  // The first runs after a start warm up what all others share.
  const first = `first_${round}`;
  const engine = await benchEngine(store, [dagId, first].map((id) => dagOf(id, chain(TASKS))).concat(oldDags()));
  await engine.ready;
  const startMs = performance.now() - startedAt;
  await askForRuns(store, first, 5, { maxActiveRuns: 1 });
  await engine.settled();
  await askForRuns(store, dagId, RUNS, { maxActiveRuns: 1 });
  await engine.settled();
  await engine.stop();
  const { rows } = await store.pool.query<{ ms: number }>(
    `SELECT extract(epoch FROM ended_at - started_at)::float8 * 1000 AS ms FROM dag_run
     WHERE dag_id = $1 AND state = 'success'`,
    [dagId],
  );
  if (rows.length !== RUNS) throw new Error("a chain did not succeed");
  const views: Record<string, number> = {};
  for (const [name, look] of Object.entries(VIEWS)) views[name] = await p50(() => look(store, dagId), LOOKS);
  await store.pool.query("CREATE TABLE IF NOT EXISTS bench_commit (n int)");
  const commit = await p50(() => store.pool.query("INSERT INTO bench_commit VALUES (1)"), 10 * LOOKS);
  return { hop: median(rows.map(({ ms }) => ms / TASKS)), commit, startMs, views };
}

async function p50(look: () => Promise<unknown>, times: number): Promise<number> {
  const took: number[] = [];
  for (let time = 0; time < times; time++) {
    const startedAt = performance.now();
    await look();
    took.push(performance.now() - startedAt);
  }
  return median(took);
}

function compare(rows: number, empty: Measured, full: Measured): Figure[] {
  const millions = `${rows / 1e6} million rows`;
  return [
    figure(`hop of a chain, p50, ${millions}`, full.hop, "ms", { target: "x1.3 of empty", reference: empty.hop }),
    figure("one commit by itself, p50", full.commit, "ms", { reference: empty.commit }),
    figure(`start of the engine, ${millions}`, full.startMs, "ms", { reference: empty.startMs }),
    ...Object.entries(full.views).map(([name, ms]) =>
      figure(`${name}, p50`, ms, "ms", { target: "x1.3 of empty", reference: empty.views[name] ?? NaN }),
    ),
  ];
}

async function sizeOf(store: Store): Promise<number> {
  const { rows } = await store.pool.query<{ bytes: string }>("SELECT pg_database_size(current_database()) AS bytes");
  return Number(rows[0]?.bytes) / 1e9;
}

export const largeHistory: Benchmark = {
  name: "large-history",
  summary: "hops and pages with ten million task instances of history (NOCTURNE_BENCH_ROWS), beside an empty database",
  run: (tell) => withStore(tell, (store) => besideEmpty(store, tell)),
};

async function besideEmpty(store: Store, tell: Telling): Promise<Figure[]> {
  const rows = historyRows();
  tell.progress("without history");
  await measure(store, 0);
  const empty = await measure(store, 1);
  await makeHistory(store, rows, tell);
  tell.progress("with history");
  await measure(store, 2);
  const full = await measure(store, 3);
  return [...compare(rows, empty, full), figure("size of the database", await sizeOf(store), "GB")];
}
