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

  private constructor(lines: ReadonlyMap<string, Line>) {
    this.lines = lines;
    this.total = sum([...lines.values()].filter((line) => line.counts).map((line) => line.amount));
  }

  /** As the ledger has it; a run that has not started has spent nothing, whatever its attempts cost before. */
  static of(booked: readonly Booked[], startedAt: Instant | null): Spent {
    const lines = booked.map((row): [string, Line] => {
      const { taskNo, usageKind, unit } = row;
      const amount = new Decimal(row.amount);
      const counts = startedAt !== null && row.intentAt >= startedAt;
      const line = { attempt: nameOf(row), taskNo, usageKind, unit, amount, counts };
      return [keyOf(row), { ...line, written: amount, writtenAt: null, entry: null }];
    });
    return new Spent(new Map(lines));
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
    const open = [...this.lines.values()].filter((line) => line.entry !== null);
    const missing = sum(open.filter((line) => line.counts).map((line) => line.amount.minus(line.written)));
    const isMuch = limit !== null && missing.gte(limit.div(100));
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
    return new Spent(new Map([...this.lines].map(([key, line]) => [key, { ...line, counts: false }])));
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

  private with(lines: readonly Line[]): Spent {
    if (lines.length === 0) return this;
    return new Spent(
      new Map([...this.lines, ...lines.map((line) => [`${line.attempt}/${line.usageKind}`, line] as const)]),
    );
  }
}

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
