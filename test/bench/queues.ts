import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Store } from "../../engine/store/open.ts";
import { cpuTimes } from "./cpu.ts";
import { chain, dagOf } from "./dags.ts";
import { figure, median, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { Graphile, THROUGHPUT_SETTINGS } from "./queues-graphile.ts";
import { PgBoss, SETTINGS } from "./queues-boss.ts";
import { loadPeer } from "./queues-install.ts";
import { askForRuns, benchEngine, succeeded } from "./real-engine.ts";

const JOBS = Number(process.env["NOCTURNE_BENCH_JOBS"] ?? 20_000);
const ROUNDS = 3;
const LENGTH = 40;
const CHAINS = Number(process.env["NOCTURNE_BENCH_RUNS"] ?? 20);

interface Measured {
  /** Jobs, or task instances, a second. */
  readonly rate: number;
  /** Microseconds of CPU for one, here and in Postgres. */
  readonly cpu: number;
  /** Seconds a chain of 40. */
  readonly chain: number;
}

type Drained = Pick<Measured, "rate" | "cpu">;

/** Several rounds of `body`, which does all jobs and answers its seconds. */
async function drained(store: Store, body: (round: number) => Promise<number>): Promise<Drained> {
  const seconds: number[] = [];
  const before = await cpuTimes(store);
  for (let round = 0; round < ROUNDS; round++) seconds.push(await body(round));
  const after = await cpuTimes(store);
  const cpuMs = after.node - before.node + (after.postgres ?? 0) - (before.postgres ?? 0);
  return { rate: JOBS / median(seconds), cpu: (cpuMs * 1_000) / (ROUNDS * JOBS) };
}

async function nocturne(store: Store): Promise<Measured> {
  const runSeconds = async (dagId: string, length: number, runs: number, atOnce?: number): Promise<number[]> => {
    await store.pool.query("TRUNCATE dag_run, task_instance, attempt, state_history, output, run_key CASCADE");
    await askForRuns(store, dagId, runs, atOnce === undefined ? {} : { maxActiveRuns: atOnce });
    const engine = await benchEngine(store, [dagOf(dagId, chain(length))]);
    await engine.settled();
    await engine.stop();
    await succeeded(store);
    const { rows } = await store.pool.query<{ whole: number; each: number[] }>(
      `SELECT extract(epoch FROM max(ended_at) - min(started_at))::float8 AS whole,
         array_agg(extract(epoch FROM ended_at - started_at)::float8) AS each FROM dag_run`,
    );
    return atOnce === undefined ? [rows[0]?.whole ?? NaN] : (rows[0]?.each ?? []);
  };
  const many = await drained(store, async (round) => median(await runSeconds(`many_${round}`, 10, JOBS / 10)));
  const chains = await runSeconds("one", LENGTH, CHAINS, 1);
  return { ...many, chain: median(chains) };
}

/** The peer's figures beside ours: how many times as many jobs a second, how many times as long a chain. */
function beside(
  name: string,
  { rate, cpu }: Drained,
  chains: readonly (readonly [string, number])[],
  own: Measured,
): Figure[] {
  return [
    figure(`${name}: no-op jobs`, rate, "/s", { reference: own.rate }),
    figure(`${name}: CPU a job, with adding it`, cpu, "us", { reference: own.cpu }),
    ...chains.map(([how, seconds]) =>
      figure(`${name}: chain of ${LENGTH}${how}`, seconds, "s", { reference: own.chain }),
    ),
  ];
}

async function graphile(store: Store, tell: Telling, scratch: string, own: Measured): Promise<Figure[]> {
  const peer = await loadPeer("graphile-worker", scratch);
  if (peer === null) {
    tell.setting("graphile-worker", "cannot be had");
    return [];
  }
  tell.setting("graphile-worker", `${peer.version} (${THROUGHPUT_SETTINGS}; chain: as it comes)`);
  tell.progress(`graphile-worker ${peer.version}`);
  const schema = `bench_graphile_${process.pid}`;
  const queue = new Graphile(peer.exports, store.settings.databaseUrl, store.pool, schema);
  try {
    const all = await drained(store, () => queue.drain(JOBS));
    const chains = await queue.chains(CHAINS, LENGTH);
    return beside("graphile-worker", all, [["", median(chains)]], own);
  } finally {
    await store.pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  }
}

async function boss(store: Store, tell: Telling, scratch: string, own: Measured): Promise<Figure[]> {
  const peer = await loadPeer("pg-boss", scratch);
  if (peer === null) {
    tell.setting("pg-boss", "cannot be had");
    return [];
  }
  tell.setting("pg-boss", `${peer.version} (${SETTINGS})`);
  tell.progress(`pg-boss ${peer.version}`);
  const schema = `bench_boss_${process.pid}`;
  const queue = new PgBoss(peer.exports, store.settings.databaseUrl, schema);
  try {
    await queue.start();
    const all = await drained(store, () => queue.drain(JOBS));
    const fetched = await queue.fetchedChains(CHAINS, LENGTH);
    const worked = await queue.workedChains(1, LENGTH);
    await queue.stop();
    const chains = [
      [", fetched by hand", median(fetched)],
      [", by its workers", median(worked)],
    ] as const;
    return beside("pg-boss", all, chains, own);
  } finally {
    await store.pool.query(`DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  }
}

export const queues: Benchmark = {
  name: "queues",
  summary: "graphile-worker and pg-boss on the same Postgres: 20,000 no-op jobs, and a chain of 40 (needs npm)",
  run: (tell) =>
    withStore(tell, async (store) => {
      const scratch = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
      try {
        tell.progress("Nocturne");
        const own = await nocturne(store);
        return [
          figure("Nocturne: no-op task instances, chains of 10", own.rate, "/s"),
          figure("Nocturne: CPU a task instance, with its run", own.cpu, "us"),
          figure(`Nocturne: chain of ${LENGTH}`, own.chain, "s"),
          ...(await graphile(store, tell, scratch, own)),
          ...(await boss(store, tell, scratch, own)),
        ];
      } finally {
        rmSync(scratch, { recursive: true, force: true });
      }
    }),
};
