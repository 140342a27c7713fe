import { monitorEventLoopDelay } from "node:perf_hooks";
import { SCHEDULE_DEFAULTS } from "../../engine/core/dag.ts";
import type { Store } from "../../engine/store/open.ts";
import { chain, dagOf } from "./dags.ts";
import { figure, median, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { askForRuns, benchEngine } from "./real-engine.ts";

const DAYS = 3_650;
const ROUNDS = 5;

const dagId = (round: number): string => `daily_${round}`;

async function measure(store: Store, tell: Telling): Promise<Figure[]> {
  const schedule = { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "America/New_York" };
  const more = { schedule, timezone: "America/New_York", paused: true };
  const dags = Array.from({ length: ROUNDS + 1 }, (_, round) => dagOf(dagId(round), chain(20), more));
  const engine = await benchEngine(store, dags);
  await engine.ready;
  const seconds: number[] = [];
  const held: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    tell.progress(`${DAYS} days, ${round === 0 ? "to warm up" : `${round} of ${ROUNDS}`}`);
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const startedAt = performance.now();
    await askForRuns(store, dagId(round), DAYS, { maxActiveRuns: 1 });
    for (let isPending = true; isPending;) {
      const { rows } = await store.pool.query<{ state: string }>("SELECT state FROM command ORDER BY id DESC LIMIT 1");
      isPending = rows[0]?.state === "pending";
    }
    if (round > 0) seconds.push((performance.now() - startedAt) / 1000);
    delay.disable();
    if (round > 0) held.push(delay.max / 1e6);
  }
  await engine.stop();
  const { rows } = await store.pool.query<{ runs: number }>("SELECT count(*)::int AS runs FROM dag_run");
  if (rows[0]?.runs !== DAYS * (ROUNDS + 1)) throw new Error(`${rows[0]?.runs} runs were made`);
  return [
    figure(`backfill of ${DAYS} days, asked to committed`, median(seconds), "s", { target: "1" }),
    figure("the longest that the engine's loop stood still", median(held), "ms"),
  ];
}

export const largeBackfill: Benchmark = {
  name: "large-backfill",
  summary: `a backfill of ${DAYS} days, from the wish to the commit of its runs`,
  run: (tell) => withStore(tell, (store) => measure(store, tell)),
};
