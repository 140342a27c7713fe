import { randomUUID } from "node:crypto";
import { loadavg } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Engine } from "../../engine/runtime/engine.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { triggerRun } from "../../engine/store/trigger.ts";
import { benchApi } from "./api.ts";
import { chain40 } from "./chain.ts";
import { cpuTimes } from "./cpu.ts";
import { chain, dagOf } from "./dags.ts";
import { figure, median, quantile, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { Marks } from "./latency-marks.ts";
import { withStore } from "./postgres.ts";
import { benchEngine } from "./real-engine.ts";

const SECONDS = 20;
const TRIGGERS_PER_SECOND = 50;

/** Runs of a chain at a steady pace, whether or not those before them have ended. */
interface Pace {
  readonly tasksPerRun: number;
  readonly runsPerSecond: number;
}

const PACES: readonly Pace[] = [
  { tasksPerRun: 10, runsPerSecond: 10 },
  { tasksPerRun: 10, runsPerSecond: 100 },
  { tasksPerRun: 50, runsPerSecond: 100 },
];

const idOf = (tasks: number): string => `chain_${tasks}`;
const chainOf = (tasks: number) =>
  dagOf(
    idOf(tasks),
    chain(tasks).map((task) => ({ ...task, operator: "bench.mark" })),
  );
const DAGS = [1, 10, 50].map(chainOf);

/** Calls `one` at a steady pace, each when it is due; resolves with what came of all. */
async function steadily<T>(perSecond: number, seconds: number, one: (dueAt: number) => Promise<T>): Promise<T[]> {
  const startedAt = performance.now();
  const due = async (index: number): Promise<T> => {
    const dueAt = startedAt + (index * 1_000) / perSecond;
    await delay(Math.max(0, dueAt - performance.now()));
    return one(dueAt);
  };
  return Promise.all(Array.from({ length: seconds * perSecond }, (_, index) => due(index)));
}

/** Triggers a run as the API does; answers its id. */
async function triggered(store: Store, dagId: string): Promise<string> {
  const now = Date.now();
  const dagRunId = `bench__${randomUUID()}`;
  const request = { dagId, dagRunId, isIdMade: false, logicalAt: null, idempotency: null };
  const times = { runAfterAt: now, queuedAt: now, intervalStartAt: now, intervalEndAt: now };
  const run = { runId: newRunId(now), ...times, conf: {}, triggeredBy: "bench", note: null };
  const outcome = await triggerRun(store, request, () => ({ run }));
  if (outcome.kind !== "triggered") throw new Error(`a trigger was answered with ${outcome.kind}`);
  return dagRunId;
}

async function atPace(store: Store, engine: Engine, marks: Marks, pace: Pace, seconds: number): Promise<Figure[]> {
  const { tasksPerRun, runsPerSecond } = pace;
  const before = await cpuTimes(store);
  const dagRunIds = await steadily(runsPerSecond, seconds, () => triggered(store, idOf(tasksPerRun)));
  await engine.settled();
  const after = await cpuTimes(store);
  const gaps = marks.gaps(dagRunIds);
  const tasks = dagRunIds.length * tasksPerRun;
  const rate = tasksPerRun * runsPerSecond;
  const at = `at ${rate} tasks/s`;
  const aim = (target: string) => (rate === 1_000 ? { target } : {});
  const postgres = after.postgres === null || before.postgres === null ? [] : [after.postgres - before.postgres];
  return [
    figure(`upstream's end to downstream's submit, p50, ${at}`, median(gaps), "ms", aim("2")),
    figure(`  p99, ${at}`, quantile(gaps, 0.99), "ms", aim("10")),
    figure(`  CPU of node a task, ${at}`, (after.node - before.node) / tasks, "ms"),
    ...postgres.map((ms) => figure(`  CPU of Postgres a task, ${at}`, ms / tasks, "ms")),
  ];
}

/** Over HTTP with an Idempotency-Key: from the request's start to the submit of the run's first task, in one process. */
async function overHttp(store: Store, marks: Marks, seconds: number): Promise<Figure[]> {
  const own = await openStore({ ...store.settings, applicationName: "bench api" });
  const { server, headers } = await benchApi(own);
  const one = async (): Promise<{ readonly dagRunId: string; readonly startedAt: number; readonly ms: number }> => {
    const dagRunId = `bench__${randomUUID()}`;
    const startedAt = performance.now();
    const response = await fetch(`${server.url}/api/v2/dags/${idOf(1)}/dagRuns`, {
      method: "POST",
      headers: { ...headers, "idempotency-key": dagRunId },
      body: JSON.stringify({ dag_run_id: dagRunId, logical_date: null, conf: {} }),
    });
    await response.text();
    if (response.status !== 200) throw new Error(`a trigger was answered with ${response.status}`);
    return { dagRunId, startedAt, ms: performance.now() - startedAt };
  };
  const answered = await steadily(TRIGGERS_PER_SECOND, seconds, one);
  while (Number.isNaN(marks.firstSubmitAt(answered.at(-1)?.dagRunId ?? ""))) await delay(10);
  await server.close();
  await own.close();
  const waits = answered.map(({ dagRunId, startedAt }) => marks.firstSubmitAt(dagRunId) - startedAt);
  return [
    figure(`trigger to first submit, p50, at ${TRIGGERS_PER_SECOND}/s`, median(waits), "ms"),
    figure("  p99", quantile(waits, 0.99), "ms", { target: "25" }),
    figure("  of it until the trigger's answer, p50", median(answered.map(({ ms }) => ms)), "ms"),
  ];
}

/** One bare commit after another on the same server: the least that any durable step takes. */
async function commits(store: Store): Promise<number[]> {
  await store.pool.query("CREATE TABLE IF NOT EXISTS bench_commit (n int)");
  const times: number[] = [];
  for (let index = 0; index < 500; index++) {
    const startedAt = performance.now();
    await store.pool.query("INSERT INTO bench_commit VALUES (1)");
    times.push(performance.now() - startedAt);
  }
  return times;
}

async function measured(store: Store, tell: Telling): Promise<Figure[]> {
  const marks = new Marks();
  const engine = await benchEngine(store, DAGS, { types: [marks.descriptor] });
  await engine.ready;
  const figures: Figure[] = [];
  tell.progress("a few seconds to warm up");
  await atPace(store, engine, marks, { tasksPerRun: 10, runsPerSecond: 50 }, 3);
  for (const pace of PACES) {
    tell.progress(`${pace.runsPerSecond} runs/s of ${pace.tasksPerRun} tasks for ${SECONDS} s`);
    figures.push(...(await atPace(store, engine, marks, pace, SECONDS)));
  }
  tell.progress(`${TRIGGERS_PER_SECOND} triggers/s over HTTP for ${SECONDS} s`);
  await overHttp(store, marks, 2);
  figures.push(...(await overHttp(store, marks, SECONDS)));
  await engine.stop();
  const bare = await commits(store);
  return [...figures, figure("bare commit, p50", median(bare), "ms"), figure("  p99", quantile(bare, 0.99), "ms")];
}

export const latency: Benchmark = {
  name: "latency",
  summary: "from a task's end to the next one's submit under open load, from a trigger to the first submit, chain-40",
  async run(tell) {
    tell.setting("load average before", (loadavg()[0] ?? 0).toFixed(1));
    const figures = await withStore(tell, (store) => measured(store, tell));
    return [...figures, ...(await chain40.run(tell))];
  },
};
