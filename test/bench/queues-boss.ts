/** The part of pg-boss that is used here: it is no dependency, so its types are not there. */
interface Boss {
  start(): Promise<unknown>;
  stop(options: object): Promise<void>;
  on(event: "error", listener: (error: Error) => void): void;
  createQueue(name: string): Promise<void>;
  insert(jobs: readonly object[]): Promise<void>;
  send(name: string, data: object): Promise<string | null>;
  fetch(name: string, options: object): Promise<{ id: string; data: { step: number } }[]>;
  complete(name: string, ids: readonly string[]): Promise<void>;
  work(
    name: string,
    options: object,
    handler: (jobs: readonly { data: { step: number } }[]) => Promise<void>,
  ): Promise<string>;
}

const BATCH = 500;
/** The least it takes. */
const POLL_SECONDS = 0.5;
export const SETTINGS = `fetch and complete ${BATCH} at a time, work() each ${POLL_SECONDS} s`;

/** pg-boss in a schema of its own, which the caller drops. */
export class PgBoss {
  private readonly boss: Boss;

  constructor(exports: unknown, connectionString: string, schema: string) {
    const found = exports as { default?: unknown };
    const Made = (typeof exports === "function" ? exports : found.default) as new (options: object) => Boss;
    this.boss = new Made({ connectionString, schema, schedule: false });
    this.boss.on("error", (error) => console.error(error));
  }

  start = (): Promise<unknown> => this.boss.start();
  stop = (): Promise<void> => this.boss.stop({ graceful: false, wait: true });

  /** Seconds until `jobs` that were there before are fetched and complete. */
  async drain(jobs: number): Promise<number> {
    await this.boss.createQueue("noop");
    for (let from = 0; from < jobs; from += 5_000) {
      await this.boss.insert(Array.from({ length: Math.min(5_000, jobs - from) }, () => ({ name: "noop" })));
    }
    const startedAt = performance.now();
    for (let left = jobs; left > 0;) {
      const fetched = await this.boss.fetch("noop", { batchSize: BATCH });
      if (fetched.length === 0) throw new Error(`pg-boss has no job, and ${left} are not done`);
      await this.boss.complete(
        "noop",
        fetched.map(({ id }) => id),
      );
      left -= fetched.length;
    }
    return (performance.now() - startedAt) / 1000;
  }

  /** `rounds` chains through workers that look each half second. */
  async workedChains(rounds: number, length: number): Promise<number[]> {
    let ended: () => void = () => undefined;
    await this.boss.createQueue("link");
    await this.boss.work("link", { pollingIntervalSeconds: POLL_SECONDS }, async ([job]) => {
      const step = job?.data.step ?? 0;
      if (step === length) ended();
      else await this.boss.send("link", { step: step + 1 });
    });
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const done = new Promise<void>((resolve) => (ended = resolve));
      const startedAt = performance.now();
      await this.boss.send("link", { step: 1 });
      await done;
      times.push((performance.now() - startedAt) / 1000);
    }
    return times;
  }

  /** `rounds` chains without its workers: fetch, send the next, complete, as fast as it answers. */
  async fetchedChains(rounds: number, length: number): Promise<number[]> {
    await this.boss.createQueue("fetched");
    const times: number[] = [];
    for (let round = 0; round < rounds; round++) {
      const startedAt = performance.now();
      await this.boss.send("fetched", { step: 1 });
      for (let step = 1; step <= length; step++) {
        const [job] = await this.boss.fetch("fetched", { batchSize: 1 });
        if (job === undefined) throw new Error(`pg-boss has lost step ${step}`);
        if (step < length) await this.boss.send("fetched", { step: step + 1 });
        await this.boss.complete("fetched", [job.id]);
      }
      times.push((performance.now() - startedAt) / 1000);
    }
    return times;
  }
}
