import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startApi } from "../../engine/api/server.ts";
import { SCHEDULE_DEFAULTS, DAG_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { createToken } from "../../engine/store/tokens.ts";
import { figure, type Benchmark } from "./figures.ts";

const PER_SECOND = 100;
const SECONDS = 20;

const SPEC: DagSpec = {
  ...DAG_DEFAULTS,
  dagId: "triggered",
  tags: [],
  paused: false,
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "America/New_York", catchup: false },
  timezone: "America/New_York",
  startAt: null,
  endAt: null,
  maxActiveRuns: 16,
  backfillMaxActiveRuns: 4,
  params: { max_rejected: { type: "number", minimum: 0, maximum: 1 } },
  sla: [],
  budget: null,
  notify: [],
  pools: {},
  tasks: [],
};

/** One request each hundredth of a second, whether or not those before it have been answered. */
async function load(url: string, token: string, seconds: number): Promise<number[]> {
  const headers = { authorization: `Bearer ${token}`, "content-type": "application/json" };
  const startedAt = performance.now();
  const one = async (index: number): Promise<number> => {
    const dueAt = startedAt + (index * 1_000) / PER_SECOND;
    await new Promise((resolve) => setTimeout(resolve, dueAt - performance.now()));
    const response = await fetch(`${url}/api/v2/dags/${SPEC.dagId}/dagRuns`, {
      method: "POST",
      headers: { ...headers, "idempotency-key": `bench-${startedAt}-${index}` },
      body: JSON.stringify({ logical_date: null, conf: { max_rejected: 0.1 } }),
    });
    await response.text();
    if (response.status !== 200) throw new Error(`a trigger was answered with ${response.status}`);
    // From when it was due: a client that falls behind counts what its requests would have waited.
    return performance.now() - dueAt;
  };
  return Promise.all(Array.from({ length: seconds * PER_SECOND }, (_, index) => one(index)));
}

async function publish(store: Store): Promise<void> {
  await store.pool.query("INSERT INTO dag (dag_id, file, is_paused) VALUES ($1, 'triggered.yaml', false)", [
    SPEC.dagId,
  ]);
  await store.pool.query(
    `INSERT INTO dag_version (version_id, dag_id, version_number, hash, spec, source)
     VALUES (gen_random_uuid(), $1, 1, 'bench', $2, '')`,
    [SPEC.dagId, JSON.stringify(SPEC)],
  );
}

const share = (sorted: readonly number[], part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? NaN;

export const trigger: Benchmark = {
  name: "trigger",
  summary: `${PER_SECOND} triggers a second for ${SECONDS} s over HTTP, each durable before its answer`,
  async run(progress) {
    const home = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
    const postgres = await startPostgres({ home });
    try {
      const store = await openStore({ databaseUrl: postgres.url, fleet: "bench", applicationName: "bench" });
      await migrate(store);
      await publish(store);
      const { token } = await createToken(store, { role: "operator" });
      const silent = (): void => undefined;
      const server = await startApi({
        store,
        host: "127.0.0.1",
        port: 0,
        version: "bench",
        now: Date.now,
        newRunId,
        status: async () => ({ isReady: true }),
        log: { info: silent, warn: silent, error: silent },
      });
      progress("two seconds to warm up");
      await load(server.url, token, 2);
      progress(`${PER_SECOND} triggers a second for ${SECONDS} s`);
      const sorted = (await load(server.url, token, SECONDS)).sort((a, b) => a - b);
      await server.close();
      await store.close();
      return [
        figure("trigger answered, p50", share(sorted, 0.5), "ms"),
        figure("trigger answered, p99", share(sorted, 0.99), "ms", { target: "50" }),
        figure("trigger answered, slowest", sorted.at(-1) ?? NaN, "ms"),
      ];
    } finally {
      await postgres.stop();
      rmSync(home, { recursive: true, force: true });
    }
  },
};
