import { createHash, randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TASK_DEFAULTS, DAG_DEFAULTS, type DagSpec, type TaskSpec } from "../../engine/core/dag.ts";
import { REAL_TIME } from "../../engine/core/time-scale.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { startEngine } from "../../engine/runtime/engine.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import { migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { testHost } from "../operators/host.ts";
import { operatorDescriptors } from "../../operators/index.ts";
import { figure, median, type Benchmark } from "./figures.ts";

const TASKS = 40;
const RUNS = 20;

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

const task = (index: number): TaskSpec => ({
  ...TASK_DEFAULTS,
  taskId: `t${index}`,
  operator: "noop",
  with: {},
  dependsOn: index === 0 ? [] : [`t${index - 1}`],
  triggerRule: "all_success",
  isSetup: false,
  teardownOf: [],
  failsRun: false,
  retries: 0,
  retryDelayMs: 1_000,
  retryBackoff: 1,
  maxRetryDelayMs: 1_000,
  timeoutMs: null,
  pool: null,
  poolSlots: 1,
  priority: 1,
  connection: "default",
  region: null,
  onDoubt: "fail",
});

const SPEC: DagSpec = {
  ...DAG_DEFAULTS,
  dagId: "chain",
  tags: [],
  paused: false,
  schedule: null,
  timezone: "UTC",
  startAt: null,
  endAt: null,
  maxActiveRuns: 1,
  backfillMaxActiveRuns: 1,
  params: {},
  sla: [],
  budget: null,
  notify: [],
  pools: {},
  tasks: Array.from({ length: TASKS }, (_, index) => task(index)),
};

/** Starts a real engine on `store`, runs `RUNS` chains one after another, and answers how long each took. */
async function runChains(store: Store): Promise<number[]> {
  const operators = new Map(operatorDescriptors.map((descriptor) => [descriptor.type, descriptor]));
  const silent = (): void => undefined;
  const source = { file: "chain.yaml", text: "" };
  const engine = await startEngine({
    store,
    settings: DEFAULT_SETTINGS,
    dags: [{ spec: SPEC, versionHash: sha256(JSON.stringify(SPEC)), source, files: [] }],
    plans: false,
    waitsForDatabase: false,
    time: REAL_TIME,
    onMails: silent,
    operators,
    operator: async (type) => {
      const descriptor = operators.get(type);
      if (!descriptor) throw new Error(`no operator ${type}`);
      return descriptor.load(testHost());
    },
    connection: (name) => ({ name, region: "us-east-1", settings: {} }),
    letGo: silent,
    prepare: () => ({ kind: "ready", params: {}, hash: sha256("{}") }),
    concurrencyKey: (_spec, _run, template) => template,
    readList: () => Promise.reject(new Error("no lists here")),
    priceOf: () => ({ unitPrice: "0", currency: "USD", source: "none" }),
    log: { info: silent, warn: silent, error: silent },
  });
  const dates = { fromDate: "2026-01-01", toDate: `2026-01-${RUNS}` };
  const backfill = {
    backfillId: randomUUID(),
    dagId: "chain",
    ...dates,
    maxActiveRuns: 1,
    reprocess: "none",
    conf: {},
  } as const;
  await enqueue(store, { kind: "backfill", backfill, by: "bench" });
  await engine.settled();
  await engine.stop();
  const { rows } = await store.pool.query<{ seconds: number }>(
    "SELECT extract(epoch FROM ended_at - started_at)::float8 AS seconds FROM dag_run WHERE state = 'success'",
  );
  if (rows.length !== RUNS) throw new Error(`${rows.length} of ${RUNS} chains succeeded`);
  return rows.map((row) => row.seconds);
}

/** The floor: forty commits one after another on the same server, from the same process. */
async function fortyCommits(store: Store): Promise<number> {
  await store.pool.query("CREATE TABLE IF NOT EXISTS bench_commit (n int)");
  const startedAt = performance.now();
  for (let index = 0; index < TASKS; index++) await store.pool.query("INSERT INTO bench_commit VALUES (1)");
  return (performance.now() - startedAt) / 1000;
}

export const chain40: Benchmark = {
  name: "chain-40",
  summary: "a chain of 40 no-op tasks through the real engine, every step durable; beside it 40 bare commits",
  async run(progress) {
    const home = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
    const postgres = await startPostgres({ home });
    try {
      const store = await openStore({ databaseUrl: postgres.url, fleet: "bench", applicationName: "bench" });
      await migrate(store);
      progress(`${RUNS} chains of ${TASKS} tasks`);
      const chains = await runChains(store);
      const floors: number[] = [];
      for (let round = 0; round < 5; round++) floors.push(await fortyCommits(store));
      await store.close();
      return [
        figure("chain of 40 no-op tasks, median", median(chains), "s", { target: "0.15", reference: median(floors) }),
      ];
    } finally {
      await postgres.stop();
      rmSync(home, { recursive: true, force: true });
    }
  },
};
