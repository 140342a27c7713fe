import { setTimeout as delay } from "node:timers/promises";
import type pg from "pg";

/** The part of graphile-worker that is used here: it is no dependency, so its types are not there. */
interface GraphileWorker {
  run(options: object): Promise<{ stop(): Promise<void> }>;
  runMigrations(options: object): Promise<void>;
}

interface Helpers {
  addJob(name: string, payload: object): Promise<unknown>;
}

export const THROUGHPUT_SETTINGS = "concurrentJobs 24, localQueue 500, completeJobBatchDelay 0";

/** graphile-worker in a schema of its own, which the caller drops. */
export class Graphile {
  private readonly worker: GraphileWorker;
  private readonly connectionString: string;
  private readonly pool: pg.Pool;
  private readonly schema: string;

  /** `pool`: to look at its tables with; the worker has its own. */
  constructor(exports: unknown, connectionString: string, pool: pg.Pool, schema: string) {
    this.worker = exports as GraphileWorker;
    this.connectionString = connectionString;
    this.pool = pool;
    this.schema = schema;
  }

  private options(worker: object): object {
    const quiet = (): void => undefined;
    const logger = { error: console.error, warn: quiet, info: quiet, debug: quiet, scope: (): object => logger };
    const { connectionString, schema } = this;
    return { noHandleSignals: true, logger, preset: { worker: { connectionString, schema, ...worker } } };
  }

  /** Seconds from the start of the worker until no job is left of `jobs` that were there before. */
  async drain(jobs: number): Promise<number> {
    await this.worker.runMigrations(this.options({}));
    await this.pool.query(
      `SELECT count(*) FROM ${this.schema}.add_jobs(
         ARRAY(SELECT ('noop', '{}', NULL, NULL, NULL, NULL, NULL, NULL)::${this.schema}.job_spec FROM generate_series(1, $1)))`,
      [jobs],
    );
    let left = jobs;
    let all: () => void = () => undefined;
    const done = new Promise<void>((resolve) => (all = resolve));
    const noop = (): void => {
      if (--left === 0) all();
    };
    const startedAt = performance.now();
    const worker = { concurrentJobs: 24, maxPoolSize: 26, localQueue: { size: 500 }, completeJobBatchDelay: 0 };
    const runner = await this.worker.run({ ...this.options(worker), taskList: { noop } });
    await done;
    // What it has executed it still has to complete: it is done when its table says so.
    while ((await this.count()) > 0) await delay(5);
    const seconds = (performance.now() - startedAt) / 1000;
    await runner.stop();
    return seconds;
  }

  private async count(): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${this.schema}.jobs`);
    return rows[0]?.n ?? 0;
  }

  /** `rounds` chains, one after another: each job adds the next one. Settings as they come: a new job is told by NOTIFY. */
  async chains(rounds: number, length: number): Promise<number[]> {
    await this.worker.runMigrations(this.options({}));
    let ended: () => void = () => undefined;
    const link = async ({ step }: { step: number }, helpers: Helpers): Promise<void> => {
      if (step === length) ended();
      else await helpers.addJob("link", { step: step + 1 });
    };
    const runner = await this.worker.run({ ...this.options({ concurrentJobs: 10 }), taskList: { link } });
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const done = new Promise<void>((resolve) => (ended = resolve));
      const startedAt = performance.now();
      await this.pool.query(`SELECT ${this.schema}.add_job('link', '{"step": 1}')`);
      await done;
      times.push((performance.now() - startedAt) / 1000);
    }
    await runner.stop();
    return times;
  }
}
