import { afterEach, describe, expect, test, vi } from "vitest";
import { CuttingProxy, type Request, type Verdict } from "../setup/cutting-proxy.ts";
import { testDatabase } from "../setup/postgres.ts";
import { Fleet } from "./harness.ts";
import { compareMemory, SmallBackfill } from "./small-backfill.ts";

/** Most of a night's time is waiting for doubts to be old enough: many nights at a time. */
const AT_A_TIME = 8;

afterEach(() => void vi.restoreAllMocks());

const isFlush = ({ text, before }: Request): boolean => text === "COMMIT" && before.startsWith("-- flush_");
const isFence = ({ text }: Request): boolean => text.startsWith("-- flush_fence");

interface Night {
  readonly flushes: number;
  /** Of the flushes that began after the cut, in order. */
  readonly epochsAfter: readonly number[];
  readonly epochCut: number | null;
  readonly differences: readonly string[];
}

/** The fleets of the nights under way, by database. */
const fleets = new Map<string, Fleet>();

/** A backfill in a database of its own, of which the `nth` request that `isIt` knows is lost in one way or the other. */
async function nightWith(lost: Verdict, nth: number, isIt: (request: Request) => boolean): Promise<Night> {
  const database = await testDatabase();
  const proxy = await CuttingProxy.to(database.url);
  const fleet = await Fleet.create(database.url, { engineUrl: proxy.url, fleet: "nocturne" });
  fleets.set(proxy.url, fleet);
  const backfill = new SmallBackfill(fleet);
  let [seen, flushes, epoch] = [0, 0, 0];
  let epochCut: number | null = null;
  const epochsAfter: number[] = [];
  proxy.judge = (request) => {
    if (isFence(request)) {
      epoch = Number(request.values[0]);
      if (epochCut !== null && epoch > 0) epochsAfter.push(epoch);
    }
    if (isFlush(request)) flushes++;
    if (!isIt(request) || ++seen !== nth) return "pass";
    epochCut = epoch;
    return lost;
  };
  try {
    const engine = await backfill.engine();
    await backfill.ask();
    await engine.settled();
    await backfill.expectUnharmed();
    return { flushes, epochsAfter, epochCut, differences: [] };
  } finally {
    fleets.delete(proxy.url);
    await backfill.close();
    await proxy.close();
    await database.drop();
  }
}

/** Each of the first `count` requests of a kind is lost once, every time in a night of its own. */
async function sweep(lost: Verdict, count: number, isIt: (request: Request) => boolean): Promise<Night[]> {
  const differences = compareMemory((databaseUrl) => fleets.get(databaseUrl)?.store);
  const nights: Night[] = [];
  let next = 1;
  const walk = async (): Promise<void> => {
    for (let nth = next++; nth <= count; nth = next++) nights.push(await nightWith(lost, nth, isIt));
  };
  await Promise.all(Array.from({ length: AT_A_TIME }, walk));
  expect(differences).toEqual([]);
  return nights;
}

/** How many flushes a night takes that nothing happens to, with some to spare: a reload adds a few. */
const flushesOfANight = async (): Promise<number> => (await nightWith("pass", 0, isFlush)).flushes + 2;

describe("rule 5: a flush is never sent again", () => {
  for (const [lost, told] of [
    ["lose_reply", "the reply to any COMMIT is lost: what it wrote stands, and nothing is written or launched twice"],
    ["lose_request", "any COMMIT is lost before the server sees it: its work is decided anew, and nothing is lost"],
  ] as const) {
    test(told, { timeout: 240_000 }, async () => {
      const nights = await sweep(lost, await flushesOfANight(), isFlush);
      const cut = nights.filter(({ epochCut }) => epochCut !== null);
      expect(cut.length).toBeGreaterThan(5);
      for (const { epochCut, epochsAfter } of cut) {
        expect(epochsAfter.every((epoch) => epoch > (epochCut ?? 0))).toBe(true);
      }
    });
  }
});
