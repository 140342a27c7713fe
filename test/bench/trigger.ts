import { SCHEDULE_DEFAULTS } from "../../engine/core/dag.ts";
import type { Store } from "../../engine/store/open.ts";
import { benchApi } from "./api.ts";
import { dagOf } from "./dags.ts";
import { figure, median, quantile, type Benchmark } from "./figures.ts";
import { withStore } from "./postgres.ts";

const PER_SECOND = 100;
const SECONDS = 20;

const { spec: SPEC } = dagOf("triggered", [], {
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "America/New_York", catchup: false },
  timezone: "America/New_York",
  params: { max_rejected: { type: "number", minimum: 0, maximum: 1 } },
});

/** One request each hundredth of a second, whether or not those before it have been answered. */
async function load(url: string, headers: Readonly<Record<string, string>>, seconds: number): Promise<number[]> {
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

export const trigger: Benchmark = {
  name: "trigger",
  summary: `${PER_SECOND} triggers a second for ${SECONDS} s over HTTP, each durable before its answer`,
  run: (tell) =>
    withStore(tell, async (store) => {
      await publish(store);
      const { server, headers } = await benchApi(store);
      tell.progress("two seconds to warm up");
      await load(server.url, headers, 2);
      tell.progress(`${PER_SECOND} triggers a second for ${SECONDS} s`);
      const times = await load(server.url, headers, SECONDS);
      await server.close();
      return [
        figure("trigger answered, p50", median(times), "ms"),
        figure("trigger answered, p99", quantile(times, 0.99), "ms", { target: "50" }),
        figure("trigger answered, slowest", quantile(times, 1), "ms"),
      ];
    }),
};
