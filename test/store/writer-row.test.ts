import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { flush, openFlushSession, type FlushSession } from "../../engine/store/flush.ts";
import { loadRun } from "../../engine/store/load.ts";
import { openStore } from "../../engine/store/open.ts";
import { releaseWriter, renewWriter, takeWriter, writerStatus } from "../../engine/store/writer-row.ts";
import { EMPTY, run, version } from "./batches.ts";
import { Writer, expire, somebodyWaits, storeOfThisFile } from "./fleet.ts";
import { untilSo } from "../setup/until.ts";

const here = storeOfThisFile();
const ann = { owner: "ann", ttlMs: 60_000, protocol: 1 };
const bob = { owner: "bob", ttlMs: 60_000, protocol: 1 };
const dag = version("nightly", 1, { extract: 1 });

beforeAll(async () => {
  const writer = await Writer.take(here.store);
  await writer.write({ versions: [dag] });
  await writer.close();
});
beforeEach(async () => {
  await here.store.pool.query("UPDATE writer SET owner = NULL, expires_at = '-infinity', protocol = 1");
});

const taken = async (wish: typeof ann) => {
  const outcome = await takeWriter(here.store, wish);
  if (outcome.kind !== "taken") throw new Error(`the row is ${outcome.kind}`);
  return { epoch: outcome.epoch, owner: wish.owner };
};

describe("rule 2: taking the writer's row", () => {
  it("raises the epoch, and answers with Postgres's clock", async () => {
    const before = BigInt((await writerStatus(here.store)).epoch);
    const outcome = await takeWriter(here.store, ann);
    const status = await writerStatus(here.store);
    expect(outcome).toMatchObject({ kind: "taken", epoch: String(before + 1n) });
    expect(status).toMatchObject({ owner: "ann", isHeld: true, epoch: String(before + 1n) });
    const lifeMs = (status.expiresAt ?? 0) - (outcome.kind === "taken" ? outcome.now : 0);
    expect(lifeMs).toBeGreaterThanOrEqual(59_990);
    expect(lifeMs).toBeLessThanOrEqual(60_010);
  });

  it("stands by while somebody else lives, and says who and until when", async () => {
    await taken(ann);
    const outcome = await takeWriter(here.store, bob);
    const { epoch, expiresAt } = await writerStatus(here.store);
    expect(outcome).toEqual({ kind: "held", owner: "ann", epoch, expiresAt });
  });

  it("succeeds after a holder that was not seen to renew, although Postgres's clock was set back; not after one that was", async () => {
    const hour = 3_600_000;
    const fence = await taken({ ...ann, ttlMs: hour });
    const { epoch, expiresAt } = await writerStatus(here.store);
    const unrenewed = { epoch, expiresAt: expiresAt ?? 0 };
    await renewWriter(here.store, { ...fence, ttlMs: hour });
    expect(await takeWriter(here.store, { ...bob, unrenewed })).toMatchObject({ kind: "held", owner: "ann" });
    const now = await writerStatus(here.store);
    const last = { epoch, expiresAt: now.expiresAt ?? 0 };
    expect(await takeWriter(here.store, { ...bob, unrenewed: last })).toMatchObject({ kind: "taken" });
    expect(await renewWriter(here.store, { ...fence, ttlMs: hour })).toBeNull();
  });

  it("succeeds once the holder's life has ended, or was given up", async () => {
    const first = await taken(ann);
    await expire(here.store);
    const second = await taken(bob);
    expect(BigInt(second.epoch)).toBe(BigInt(first.epoch) + 1n);
    await releaseWriter(here.store, second);
    expect(await writerStatus(here.store)).toMatchObject({ owner: null, isHeld: false, expiresAt: null });
    expect(BigInt((await taken(ann)).epoch)).toBe(BigInt(second.epoch) + 1n);
  });

  it("is won by exactly one of many", async () => {
    const many = Array.from({ length: 12 }, (_, index) => takeWriter(here.store, { ...ann, owner: `owner ${index}` }));
    const outcomes = await Promise.all(many);
    expect(outcomes.filter(({ kind }) => kind === "taken")).toHaveLength(1);
    expect(outcomes.filter(({ kind }) => kind === "held")).toHaveLength(11);
  });

  it("renewing prolongs the life and tells the time; it answers null to whoever has lost the row", async () => {
    const fence = await taken({ ...ann, ttlMs: 5_000 });
    const now = await renewWriter(here.store, { ...fence, ttlMs: 90_000 });
    const { expiresAt } = await writerStatus(here.store);
    expect((expiresAt ?? 0) - (now ?? 0)).toBeGreaterThan(89_000);
    await expire(here.store);
    await taken(bob);
    expect(await renewWriter(here.store, { ...fence, ttlMs: 90_000 })).toBeNull();
    await releaseWriter(here.store, fence);
    expect(await writerStatus(here.store)).toMatchObject({ owner: "bob", isHeld: true });
  });
});

describe("rule 3: the protocol's version", () => {
  it("an older program does not take a row above its own", async () => {
    await releaseWriter(here.store, await taken({ ...ann, protocol: 2 }));
    expect(await takeWriter(here.store, bob)).toEqual({ kind: "newer", protocol: 2 });
  });
});

describe("rule 4: the fence", () => {
  let session: FlushSession;
  beforeAll(async () => {
    session = await openFlushSession(here.store);
  });
  afterAll(() => session.close());

  it("a flush after somebody else's take writes nothing", async () => {
    const fence = await taken(ann);
    await expire(here.store);
    await taken(bob);
    const made = run(dag);
    expect(await flush(session, fence, { ...EMPTY, runsCreated: [made] })).toEqual({ kind: "fenced" });
    expect(await loadRun(here.store, made.runId)).toBeNull();
    expect(await flush(session, { ...fence, owner: "bob" }, EMPTY)).toEqual({ kind: "fenced" });
  });

  it("a take waits for a flush that is under way, and the flush commits", async () => {
    const fence = await taken(ann);
    await expire(here.store);
    const made = run(dag);
    // Holds the flush open: it has locked the writer's row and waits for this table.
    const blocker = await here.store.pool.connect();
    await blocker.query("BEGIN; LOCK TABLE run_key IN ACCESS EXCLUSIVE MODE");
    const flushed = flush(session, fence, { ...EMPTY, runsCreated: [made] });
    await untilSo(() => somebodyWaits(here.store, /flush_runs_created/));
    const take = takeWriter(here.store, bob);
    await untilSo(() => somebodyWaits(here.store, /FROM writer FOR NO KEY UPDATE/));
    await blocker.query("COMMIT");
    blocker.release();
    expect(await flushed).toMatchObject({ kind: "committed" });
    expect(await take).toMatchObject({ kind: "taken" });
    expect(await loadRun(here.store, made.runId)).not.toBeNull();
    expect(await flush(session, fence, EMPTY)).toEqual({ kind: "fenced" });
  });

  it("a flush waits for a take that is under way, and is then fenced", async () => {
    const fence = await taken(ann);
    const taker = await here.store.pool.connect();
    await taker.query("BEGIN; UPDATE writer SET epoch = epoch + 1, owner = 'bob'");
    const made = run(dag);
    const flushed = flush(session, fence, { ...EMPTY, runsCreated: [made] });
    await untilSo(() => somebodyWaits(here.store, /flush_fence/));
    await taker.query("COMMIT");
    taker.release();
    expect(await flushed).toEqual({ kind: "fenced" });
    expect(await loadRun(here.store, made.runId)).toBeNull();
  });

  it("a renewal on another connection neither fences a flush nor is lost by it", async () => {
    const fence = await taken(ann);
    const renewer = await here.store.pool.connect();
    await renewer.query("BEGIN; UPDATE writer SET expires_at = expires_at + interval '1 second'");
    const flushed = flush(session, fence, EMPTY);
    await untilSo(() => somebodyWaits(here.store, /flush_fence/));
    await renewer.query("COMMIT");
    renewer.release();
    expect(await flushed).toMatchObject({ kind: "committed" });
  });
});

describe("rule 5: a flush that was not acknowledged", () => {
  it("throws, and its owner takes its own row again, which fences the old backend", async () => {
    const fence = await taken(ann);
    const session = await openFlushSession(here.store);
    const made = run(dag);
    const blocker = await here.store.pool.connect();
    await blocker.query("BEGIN; LOCK TABLE run_key IN ACCESS EXCLUSIVE MODE");
    const flushed = flush(session, fence, { ...EMPTY, runsCreated: [made] });
    const lost = expect(flushed).rejects.toThrow();
    await untilSo(() => somebodyWaits(here.store, /flush_runs_created/));
    await here.store.pool.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%flush_runs_created%' AND pid <> pg_backend_pid()",
    );
    await lost;
    await blocker.query("COMMIT");
    blocker.release();
    await expect(flush(session, fence, EMPTY)).rejects.toThrow();
    const again = await taken(ann);
    expect(BigInt(again.epoch)).toBe(BigInt(fence.epoch) + 1n);
    const fresh = await openFlushSession(here.store);
    expect(await flush(fresh, fence, EMPTY)).toEqual({ kind: "fenced" });
    expect(await flush(fresh, again, { ...EMPTY, runsCreated: [made] })).toMatchObject({ kind: "committed" });
    await fresh.close();
  });
});

describe("rule 9: engine time is Postgres's", () => {
  it("take, renewal and flush read the same clock, whatever this process believes", async () => {
    const store = await openStore({ databaseUrl: here.url, fleet: "nocturne", applicationName: "tests" });
    const outcome = await takeWriter(store, ann);
    if (outcome.kind !== "taken") throw new Error("not taken");
    const fence = { epoch: outcome.epoch, owner: "ann" };
    const session = await openFlushSession(store);
    const flushed = await flush(session, fence, EMPTY);
    const renewed = (await renewWriter(store, { ...fence, ttlMs: 1_000 })) ?? 0;
    const flushedAt = flushed.kind === "committed" ? flushed.now : 0;
    expect(flushedAt).toBeGreaterThanOrEqual(outcome.now);
    expect(renewed).toBeGreaterThanOrEqual(flushedAt);
    expect([outcome.now, flushedAt, renewed].every(Number.isInteger)).toBe(true);
    await session.close();
    await store.close();
  });
});
