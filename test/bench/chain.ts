import type { Store } from "../../engine/store/open.ts";
import { chain, dagOf, decided } from "./dags.ts";
import { figure, median, type Benchmark } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { askForRuns, benchEngine, succeeded } from "./real-engine.ts";

const TASKS = 40;
const RUNS = 20;

/** The floor: forty commits one after another on the same server, from the same process. */
async function fortyCommits(store: Store): Promise<number> {
  await store.pool.query("CREATE TABLE IF NOT EXISTS bench_commit (n int)");
  const startedAt = performance.now();
  for (let index = 0; index < TASKS; index++) await store.pool.query("INSERT INTO bench_commit VALUES (1)");
  return (performance.now() - startedAt) / 1000;
}

export const chain40: Benchmark = {
  name: "chain-40",
  summary:
    "a chain of 40 no-op tasks through the real engine, each launched and durable before the next, and as decided ones; beside it 40 bare commits",
  run: (tell) =>
    withStore(tell, async (store) => {
      tell.progress(`${RUNS} chains of ${TASKS} tasks, one after another`);
      const dags = [dagOf("launched", chain(TASKS)), dagOf("decided", decided(chain(TASKS)))];
      const engine = await benchEngine(store, dags);
      for (const { spec } of dags) await askForRuns(store, spec.dagId, RUNS, { maxActiveRuns: 1 });
      await engine.settled();
      await engine.stop();
      await succeeded(store);
      const { rows } = await store.pool.query<{ dag: string; seconds: number }>(
        "SELECT dag_id AS dag, extract(epoch FROM ended_at - started_at)::float8 AS seconds FROM dag_run",
      );
      const chains = (dagId: string): number =>
        median(rows.filter(({ dag }) => dag === dagId).map(({ seconds }) => seconds));
      const floors: number[] = [];
      for (let round = 0; round < 5; round++) floors.push(await fortyCommits(store));
      const floor = median(floors);
      return [
        figure("chain of 40 no-op tasks, launched, median", chains("launched"), "s", {
          target: "0.15",
          reference: floor,
        }),
        figure("chain of 40 no-op tasks, decided, median", chains("decided"), "s", { reference: floor }),
      ];
    }),
};
