import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { packageRoot } from "../../engine/local/package-root.ts";
import type { Store } from "../../engine/store/open.ts";
import { figure, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { inFlightDag } from "./in-flight-dag.ts";
import type { EngineUse } from "./in-flight-engine.ts";
import type { StubAnswer } from "./in-flight-stub.ts";
import { withStore } from "./postgres.ts";
import { askForRuns } from "./real-engine.ts";

const JOBS = 10_000;
/** Looks come after each third of a job's age: every 30 s from a minute and a half on. */
const AGED_SECONDS = 100;
const STEADY_SECONDS = 90;

/** A process of the benchmark's own that answers over a channel. */
class Asked<Answer> {
  private readonly child: ChildProcess;
  private readonly exit: Promise<unknown>;

  constructor(name: string, args: readonly string[] = []) {
    this.child = fork(join(packageRoot(), `dist/test/bench/${name}.js`), args);
    this.exit = new Promise((resolve) => this.child.once("exit", resolve));
  }

  /** What it says next. */
  next(): Promise<Answer> {
    return this.alive(new Promise<Answer>((resolve) => this.child.once("message", resolve)));
  }

  /** What comes of `work`, unless the process ends before. */
  alive<T>(work: Promise<T>): Promise<T> {
    const ended = this.exit.then((code) => {
      throw new Error(`a process of the benchmark ended with exit code ${String(code)}`);
    });
    return Promise.race([work, ended]);
  }

  ask(): Promise<Answer> {
    this.child.send("?");
    return this.next();
  }

  async stop(): Promise<void> {
    if (this.child.connected) this.child.disconnect();
    await this.exit;
  }
}

async function underWay(store: Store): Promise<number> {
  const { rows } = await store.pool.query<{ jobs: string }>(
    "SELECT count(*) AS jobs FROM attempt WHERE state = 'open' AND ref IS NOT NULL",
  );
  return Number(rows[0]?.jobs);
}

async function allUnderWay(store: Store, tell: Telling): Promise<void> {
  const from = performance.now();
  while ((await underWay(store)) < JOBS) await delay(500);
  tell.progress(`${JOBS} jobs were launched in ${((performance.now() - from) / 1_000).toFixed(1)} s`);
}

/** Use of the engine's process while nothing happens but looks. */
async function measured(engine: Asked<EngineUse>, stub: Asked<StubAnswer>): Promise<Figure[]> {
  await stub.ask();
  const before = await engine.ask();
  const startedAt = performance.now();
  let rss = before.rss;
  for (let second = 1; second <= STEADY_SECONDS; second++) {
    await delay(startedAt + second * 1_000 - performance.now());
    rss = Math.max(rss, (await engine.ask()).rss);
  }
  const { cpuMs } = await engine.ask();
  const elapsedMs = performance.now() - startedAt;
  const asked = await stub.ask();
  const calls = "calls" in asked ? Object.entries(asked.calls) : [];
  return [
    figure("memory of the engine's process, most", rss / 1e6, "MB", { target: "300" }),
    figure("CPU of the engine's process", ((cpuMs - before.cpuMs) / elapsedMs) * 100, "% of a core", { target: "25" }),
    ...calls.map(([operation, count]) => figure(`${operation}, calls`, (count / elapsedMs) * 1_000, "/s")),
  ];
}

export const inFlight: Benchmark = {
  name: "in-flight",
  summary: `${JOBS} remote jobs under way, half Athena and half Glue, each looked at every 30 s at last`,
  run: (tell) =>
    withStore(tell, async (store) => {
      const stub = new Asked<StubAnswer>("in-flight-stub");
      try {
        const said = await stub.next();
        const { databaseUrl, fleet } = store.settings;
        const engine = new Asked<EngineUse>("in-flight-engine", [databaseUrl, fleet, "url" in said ? said.url : ""]);
        try {
          await engine.next();
          await askForRuns(store, inFlightDag.spec.dagId, JOBS / inFlightDag.spec.tasks.length);
          await engine.alive(allUnderWay(store, tell));
          tell.progress(`${AGED_SECONDS} s until looks come at their longest interval`);
          await delay(AGED_SECONDS * 1_000);
          tell.progress(`${STEADY_SECONDS} s of nothing but looks`);
          return await measured(engine, stub);
        } finally {
          await engine.stop();
        }
      } finally {
        await stub.stop();
      }
    }),
};
