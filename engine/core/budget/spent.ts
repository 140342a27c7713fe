import { Decimal } from "decimal.js";
import type { Instant } from "../json.ts";
import type { Attempt, Booked, LedgerEntry } from "../records.ts";

/** The newest amount of one kind of usage of one attempt, and what the ledger says of it. */
interface Line {
  readonly attempt: string;
  readonly taskNo: number;
  readonly usageKind: string;
  readonly unit: string;
  readonly amount: Decimal;
  /** Whether the attempt is of the run since its start: the bill of an earlier one is not the run's. */
  readonly counts: boolean;
  readonly written: Decimal;
  /** The last write; before the first, the first sight. null: written before this process. */
  readonly writtenAt: Instant | null;
  /** What a write of it would say; null: the ledger has the newest. */
  readonly entry: LedgerEntry | null;
}

type AttemptName = Pick<Attempt, "taskNo" | "mapIndex" | "tryNumber">;

/** How long an amount that moves may stay out of the ledger (protocol rule 34). */
const WRITE_EVERY_MS = 5 * 60_000;

const nameOf = ({ taskNo, mapIndex, tryNumber }: AttemptName): string => `${taskNo}/${mapIndex}/${tryNumber}`;
const keyOf = (of: AttemptName & Pick<Line, "usageKind">): string => `${nameOf(of)}/${of.usageKind}`;

/** What the attempts of one run have cost so far. Never changed: every step answers a new one, so that a decision can be dropped. */
export class Spent {
  private readonly lines: ReadonlyMap<string, Line>;
  /** What the run has spent since it started: the sum over its attempts and kinds of usage. */
  readonly total: Decimal;
  /** What of it the ledger does not have yet. */
  private readonly missing: Decimal;
  /** Of what waits to be written, nothing has waited for longer than since this. */
  private readonly waitsSince: Instant;

  /** Sums are carried on from step to step: a look at one job of a thousand must not add up the others. */
  private constructor(lines: ReadonlyMap<string, Line>, total: Decimal, missing: Decimal, waitsSince: Instant) {
    this.lines = lines;
    this.total = total;
    this.missing = missing;
    this.waitsSince = waitsSince;
  }

  /** Most runs have no bill yet: one answer does for them all. */
  private static readonly nothing = new Spent(new Map(), new Decimal(0), new Decimal(0), Infinity);

  private static summed(lines: ReadonlyMap<string, Line>): Spent {
    const all = [...lines.values()];
    return new Spent(lines, sum(all.map(spentOn)), sum(all.map(missingOf)), oldest(all));
  }

  /** As the ledger has it; a run that has not started has spent nothing, whatever its attempts cost before. */
  static of(booked: readonly Booked[], startedAt: Instant | null): Spent {
    if (booked.length === 0) return Spent.nothing;
    const lines = booked.map((row): [string, Line] => {
      const { taskNo, usageKind, unit } = row;
      const amount = new Decimal(row.amount);
      const counts = startedAt !== null && row.intentAt >= startedAt;
      const line = { attempt: nameOf(row), taskNo, usageKind, unit, amount, counts };
      return [keyOf(row), { ...line, written: amount, writtenAt: null, entry: null }];
    });
    return Spent.summed(new Map(lines));
  }

  /** What a running attempt has used; a figure below a known one is a late look. */
  accrue(entries: readonly LedgerEntry[], counts: boolean): Spent {
    const news = entries.flatMap((entry): Line[] => {
      const known = this.lines.get(keyOf(entry));
      const amount = new Decimal(entry.amount);
      if (known && amount.lte(known.amount)) return [];
      const written = known?.written ?? new Decimal(0);
      return [lineOf(entry, counts, { amount, written, writtenAt: known?.writtenAt ?? entry.at, entry })];
    });
    return this.with(news);
  }

  /** The final figures: they replace what was accrued. */
  settle(entries: readonly LedgerEntry[], counts: boolean): Spent {
    const final = entries.map((entry) => {
      const amount = new Decimal(entry.amount);
      return lineOf(entry, counts, { amount, written: amount, writtenAt: entry.at, entry: null });
    });
    return this.with(final);
  }

  /** The kinds of usage that an attempt has cost something for. */
  kindsOf(attempt: AttemptName): { readonly usageKind: string; readonly unit: string }[] {
    const name = nameOf(attempt);
    return [...this.lines.values()].filter((line) => line.attempt === name && !line.amount.isZero());
  }

  /** What the ledger does not have yet, of one attempt or of all. */
  unwritten(attempt?: AttemptName): LedgerEntry[] {
    const name = attempt && nameOf(attempt);
    return [...this.lines.values()].flatMap(({ entry, attempt: of }) =>
      entry === null || (name !== undefined && of !== name) ? [] : [entry],
    );
  }

  /** What is to be written now: all once it makes up a hundredth of `limit`, else what waits since five minutes (rule 34). */
  due(limit: Decimal | null, at: Instant): LedgerEntry[] {
    const isMuch = limit !== null && this.missing.gte(limit.div(100));
    if (!isMuch && at - this.waitsSince < WRITE_EVERY_MS) return [];
    const open = [...this.lines.values()].filter((line) => line.entry !== null);
    return open.flatMap(({ entry, writtenAt }) =>
      entry !== null && (isMuch || (writtenAt !== null && at - writtenAt >= WRITE_EVERY_MS)) ? [entry] : [],
    );
  }

  /** These are on their way into the ledger. */
  wrote(entries: readonly LedgerEntry[]): Spent {
    const written = entries.flatMap((entry): Line[] => {
      const line = this.lines.get(keyOf(entry));
      return line ? [{ ...line, written: line.amount, writtenAt: entry.at, entry: null }] : [];
    });
    return this.with(written);
  }

  /** The run starts anew: what it has cost so far is not what it spends from now on. */
  restarted(): Spent {
    return Spent.summed(new Map([...this.lines].map(([key, line]) => [key, { ...line, counts: false }])));
  }

  /** What each task has cost, dearest first; those that cost nothing are left out. */
  byTask(): { readonly taskNo: number; readonly amount: string }[] {
    const amounts = new Map<number, Decimal>();
    for (const { taskNo, amount, counts } of this.lines.values()) {
      if (counts && !amount.isZero()) amounts.set(taskNo, (amounts.get(taskNo) ?? new Decimal(0)).plus(amount));
    }
    const sorted = [...amounts].sort(([, a], [, b]) => b.comparedTo(a));
    return sorted.map(([taskNo, amount]) => ({ taskNo, amount: amount.toFixed() }));
  }

  private with(news: readonly Line[]): Spent {
    if (news.length === 0) return this;
    const lines = new Map(this.lines);
    let { total, missing } = this;
    for (const line of news) {
      const key = `${line.attempt}/${line.usageKind}`;
      const before = lines.get(key);
      total = total.plus(spentOn(line)).minus(before ? spentOn(before) : 0);
      missing = missing.plus(missingOf(line)).minus(before ? missingOf(before) : 0);
      lines.set(key, line);
    }
    // What was written waits no more: only then the others have to be asked.
    const isWritten = news.some(({ entry }) => entry === null);
    const waitsSince = isWritten ? oldest([...lines.values()]) : Math.min(this.waitsSince, oldest(news));
    return new Spent(lines, total, missing, waitsSince);
  }
}

const NOTHING = new Decimal(0);
const spentOn = ({ counts, amount }: Line): Decimal => (counts ? amount : NOTHING);
const missingOf = ({ counts, entry, amount, written }: Line): Decimal =>
  counts && entry !== null ? amount.minus(written) : NOTHING;

/** Of the lines that wait to be written, when the first was written last. */
const oldest = (lines: readonly Line[]): Instant =>
  lines.reduce((at, { entry, writtenAt }) => (entry === null ? at : Math.min(at, writtenAt ?? Infinity)), Infinity);

const lineOf = (
  entry: LedgerEntry,
  counts: boolean,
  rest: Pick<Line, "amount" | "written" | "writtenAt" | "entry">,
): Line => ({
  attempt: nameOf(entry),
  taskNo: entry.taskNo,
  usageKind: entry.usageKind,
  unit: entry.unit,
  counts,
  ...rest,
});

const sum = (amounts: readonly Decimal[]): Decimal =>
  amounts.reduce((total, amount) => total.plus(amount), new Decimal(0));
