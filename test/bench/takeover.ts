import { randomInt } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { Store } from "../../engine/store/open.ts";
import { figure, median, quantile, type Benchmark, type Figure, type Telling } from "./figures.ts";
import { withStore } from "./postgres.ts";
import { Standbys, type Up } from "./takeover-system.ts";

/** NOCTURNE_BENCH_ROUNDS: kills, and stops in order; NOCTURNE_BENCH_DOUBTS: launches in doubt, each two minutes long. */
const ROUNDS = Number(process.env["NOCTURNE_BENCH_ROUNDS"] ?? 5);
const DOUBTS = Number(process.env["NOCTURNE_BENCH_DOUBTS"] ?? 1);
/** Longer than the pause between two renewals, so that the ends fall anywhere in it. */
const SPREAD_MS = 2_500;

async function until<T>(look: () => Promise<T | null>): Promise<T> {
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    await delay(10);
  }
}

async function one<T>(store: Store, text: string): Promise<T | null> {
  const { rows } = await store.pool.query<{ value: T | null }>(text);
  return rows[0]?.value ?? null;
}

const PLANNED = "SELECT count(*)::int AS value FROM run_key WHERE dag_id = 'tick'";
const EPOCH = "SELECT epoch AS value FROM writer WHERE owner IS NOT NULL";
const LIFE_LEFT =
  "SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 AS value FROM writer WHERE owner IS NOT NULL";

/** Resolves with the seconds since `from`, once `look` is more than it was. */
async function moreThan(before: number, from: number, look: () => Promise<number | null>): Promise<number> {
  await until(async () => ((await look()) ?? 0) > before || null);
  return (performance.now() - from) / 1_000;
}

interface Killed {
  /** How long the dead one's row was still valid: nobody may take it before. */
  readonly lifeLeft: number;
  readonly planned: number;
  readonly observed: number;
}

/** Kills the writer at any moment, and measures until the standby plans and looks at the job that runs. */
async function killWriter(store: Store, system: Standbys, writer: Up): Promise<Killed> {
  await delay(randomInt(SPREAD_MS));
  const lifeLeft = (await one<number>(store, LIFE_LEFT)) ?? 0;
  await writer.end("SIGKILL");
  const from = performance.now();
  const planned = (await one<number>(store, PLANNED)) ?? 0;
  const looks = await system.looks();
  const [first, second] = await Promise.all([
    moreThan(planned, from, () => one<number>(store, PLANNED)),
    moreThan(looks, from, () => system.looks()),
  ]);
  return { lifeLeft, planned: first, observed: second };
}

/** Asks the writer to stop, and measures until another one has the row. */
async function stopWriter(store: Store, writer: Up): Promise<number> {
  await delay(randomInt(SPREAD_MS));
  const epoch = Number(await one<string>(store, EPOCH));
  const from = performance.now();
  const [seconds] = await Promise.all([
    moreThan(epoch, from, async () => Number(await one<string>(store, EPOCH))),
    writer.end("SIGTERM"),
  ]);
  return seconds;
}

/** Kills the writer between a launch and its answer, and measures until the standby knows the job. */
async function killInDoubt(store: Store, system: Standbys, writer: Up, round: number): Promise<number> {
  const jobs = (await system.jobs()).length;
  await system.fault({ operation: "Glue.StartJobRun", kind: "hang_after" });
  await system.fault({ operation: "Glue.StartJobRun", kind: "stall_run" });
  system.writeJob(`doubt_${round}`);
  await until(async () => (await system.jobs()).length > jobs || null);
  await writer.end("SIGKILL");
  const from = performance.now();
  const known = `SELECT count(*)::int AS value FROM attempt JOIN dag_run USING (run_id)
    WHERE dag_id = 'doubt_${round}' AND ref IS NOT NULL`;
  const seconds = await moreThan(0, from, () => one<number>(store, known));
  const after = await system.jobs();
  if (after.length !== jobs + 1) throw new Error(`one job was expected to be there: ${JSON.stringify(after)}`);
  return seconds;
}

async function measure(tell: Telling, store: Store, system: Standbys): Promise<Figure[]> {
  let [writer, standby] = [await system.start(), await system.start()];
  const next = async (): Promise<void> => {
    [writer, standby] = [standby, await system.start()];
    // A machine that is busy with a start may have let the row change hands.
    if (standby.writes) [writer, standby] = [standby, writer];
  };
  await system.fault({ operation: "Glue.StartJobRun", kind: "stall_run" });
  system.writeJob("job");
  await until(async () => (await system.looks()) > 0 || null);

  const kills: Killed[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    tell.progress(`kill ${round} of ${ROUNDS}`);
    const killed = await killWriter(store, system, writer);
    tell.progress(`planned after ${killed.planned.toFixed(2)} s, looked after ${killed.observed.toFixed(2)} s`);
    kills.push(killed);
    await next();
  }
  const stops: number[] = [];
  for (let round = 1; round <= ROUNDS; round++) {
    tell.progress(`stop in order ${round} of ${ROUNDS}`);
    stops.push(await stopWriter(store, writer));
    await next();
  }
  const doubts: number[] = [];
  for (let round = 1; round <= DOUBTS; round++) {
    tell.progress(`launch in doubt ${round} of ${DOUBTS}: about 90 s`);
    doubts.push(await killInDoubt(store, system, writer, round));
    await next();
  }
  const lifeLeft = median(kills.map((kill) => kill.lifeLeft));
  const both = (
    what: string,
    values: readonly number[],
    more: { target?: string; reference?: number } = {},
  ): Figure[] => [
    figure(`${what}, median`, median(values), "s", more),
    figure(`${what}, worst`, quantile(values, 1), "s", more.target === undefined ? {} : { target: more.target }),
  ];
  const more = { target: "10", reference: lifeLeft };
  return [
    figure("the dead writer's row was valid for, median", lifeLeft, "s"),
    ...both(
      "kill to first run planned",
      kills.map(({ planned }) => planned),
      more,
    ),
    ...both(
      "kill to first look at a job",
      kills.map(({ observed }) => observed),
      more,
    ),
    ...both("stop in order to the next writer", stops),
    ...(DOUBTS === 0 ? [] : both("kill to the doubtful job known", doubts, { target: "90" })),
  ];
}

export const takeover: Benchmark = {
  name: "takeover",
  summary: "kill -9 of the writer until a standby plans and observes, with production settings",
  run: (tell) =>
    withStore(tell, async (store) => {
      const system = await Standbys.create(store);
      tell.setting("writer_ttl", "6 s");
      tell.setting("writer_renew", "2 s");
      tell.setting("visibility of Glue", "60 s");
      try {
        return await measure(tell, store, system);
      } finally {
        await system.close();
      }
    }),
};
