import { open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "./contract.ts";
import { StartRefused } from "./start-refused.ts";

/** From this moment of the wall's clock on, the scaled clock read `engineFrom` and ran `factor` times as fast. */
export interface Anchor {
  readonly factor: number;
  /** Epoch milliseconds, both. */
  readonly realFrom: number;
  readonly engineFrom: number;
}

/** A clock that people can be told: local-aws's own. */
export interface ScaledClock extends Clock {
  /** The anchor that holds now. */
  readonly anchor: Anchor;
}

/** The wall's clock, and where a test has no other. */
export const wallClock: ScaledClock = {
  factor: 1,
  anchor: { factor: 1, realFrom: 0, engineFrom: 0 },
  now: () => Date.now(),
  at: (real) => real,
};

/** The clock through these anchors, oldest first: each holds from its realFrom to the next one's. */
export function scaledClock(anchors: readonly [Anchor, ...Anchor[]], real: () => number = Date.now): ScaledClock {
  const [first] = anchors;
  const anchor = anchors.at(-1) ?? first;
  const at = (moment: number): number => {
    const holds = anchors.findLast(({ realFrom }) => realFrom <= moment);
    // Before the first anchor no time was scaled: a file that was there already keeps its age.
    if (holds === undefined) return Math.floor(first.engineFrom - (first.realFrom - moment));
    return Math.floor(holds.engineFrom + (moment - holds.realFrom) * holds.factor);
  };
  let latest = anchor.engineFrom;
  const now = (): number => (latest = Math.max(latest, at(real())));
  return { factor: anchor.factor, anchor, now, at };
}

interface ClockWish {
  /** How many times as fast as the wall's. */
  readonly factor: number;
  /** What it reads at its first start, epoch milliseconds; null: the wall's time. */
  readonly from: number | null;
}

/**
 * The clock of this home, kept in clock.json: a restart goes on by the same anchor, so that time passes for AWS while it
 * is down. With another factor it gets a new anchor where the old one stands, and never goes back.
 */
export async function openClock(home: string, { factor, from }: ClockWish): Promise<ScaledClock> {
  const path = join(home, "clock.json");
  const kept = await readAnchors(path);
  const now = Date.now();
  if (kept === null) {
    const first: Anchor = { factor, realFrom: now, engineFrom: from ?? now };
    await writeAnchors(path, [first]);
    return scaledClock([first]);
  }
  const clock = scaledClock(kept);
  if (clock.factor === factor) return clock;
  // Were the wall's clock set back, an anchor before the last one would never hold.
  const realFrom = Math.max(now, clock.anchor.realFrom);
  const anchors: readonly [Anchor, ...Anchor[]] = [...kept, { factor, realFrom, engineFrom: clock.now() }];
  await writeAnchors(path, anchors);
  return scaledClock(anchors);
}

async function readAnchors(path: string): Promise<readonly [Anchor, ...Anchor[]] | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw error;
  });
  if (text === null) return null;
  try {
    const anchors = JSON.parse(text) as readonly Anchor[];
    const [first, ...rest] = anchors;
    if (first !== undefined && anchors.every(isAnchor)) return [first, ...rest];
  } catch {
    // Said below.
  }
  throw new StartRefused(`${path} is no clock of local-aws; put it right, or remove it to start from the wall's time`);
}

const isAnchor = ({ factor, realFrom, engineFrom }: Anchor): boolean =>
  [factor, realFrom, engineFrom].every((value) => Number.isFinite(value)) && factor > 0;

/** On disk before anything is told by it: after a kill the next start reads the same time. */
async function writeAnchors(path: string, anchors: readonly Anchor[]): Promise<void> {
  const file = await open(`${path}.new`, "w");
  try {
    await file.writeFile(`${JSON.stringify(anchors)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}
