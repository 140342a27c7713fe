import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { AwsError } from "../contract.ts";
import type { ServiceDependencies } from "../contract.ts";
import { isInterrupt } from "../duckdb/database.ts";
import type { Parameter } from "./dialect.ts";
import { redshiftText } from "./sql-error.ts";
import { BatchFailure, Warehouse } from "./warehouse.ts";
import type { SubResult } from "./warehouse.ts";

export type StatementState = "SUBMITTED" | "PICKED" | "STARTED" | "FINISHED" | "FAILED" | "ABORTED";

export interface Target {
  readonly workgroup: string | null;
  readonly cluster: string | null;
  readonly database: string;
  readonly dbUser: string | null;
  readonly secretArn: string | null;
}

/** What was asked for and how it went, as the journal keeps it. */
export interface StatementRecord {
  readonly id: string;
  readonly number: number;
  readonly batch: boolean;
  readonly sqls: readonly string[];
  readonly parameters: readonly Parameter[];
  readonly name: string | null;
  readonly token: string | null;
  readonly target: Target;
  readonly createdAt: number;
  readonly state: StatementState;
  readonly updatedAt: number;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly error: string | null;
  /** The SQL that runs or that failed, counted from 0. */
  readonly position: number;
  readonly cancelled: boolean;
  readonly results: readonly Omit<SubResult, "result">[];
  readonly hasResultSet: readonly boolean[];
}

const KIND = "redshift-statement";
const TOKEN_LIFE_MS = 8 * 3_600_000;
export const isEnded = (state: StatementState): boolean => ["FINISHED", "FAILED", "ABORTED"].includes(state);

/** All statements, and one line of work per database. */
export class Statements {
  private readonly deps: ServiceDependencies;
  private readonly records = new Map<string, StatementRecord>();
  private readonly byToken = new Map<string, string>();
  private readonly warehouses = new Map<string, Promise<Warehouse>>();
  private readonly lines = new Map<string, Promise<void>>();
  private stopping = false;

  constructor(deps: ServiceDependencies) {
    this.deps = deps;
  }

  /** Newest first. */
  all(): StatementRecord[] {
    return [...this.records.values()].sort((a, b) => b.number - a.number);
  }

  get(id: string): StatementRecord {
    const record = this.records.get(id);
    if (record === undefined) throw new AwsError("ResourceNotFoundException", "Query does not exist.", 404);
    return record;
  }

  /** Puts a statement in its database's line; the same token within 8 hours answers the statement it made before. */
  async submit(
    asked: Pick<StatementRecord, "batch" | "sqls" | "parameters" | "name" | "token" | "target">,
  ): Promise<StatementRecord> {
    const now = this.deps.clock.now();
    const before = asked.token === null ? undefined : this.records.get(this.byToken.get(asked.token) ?? "");
    if (before !== undefined && now - before.createdAt < TOKEN_LIFE_MS) {
      await this.deps.journal.flushed();
      return before;
    }
    const record: StatementRecord = {
      ...asked,
      id: randomUUID(),
      number: this.records.size,
      createdAt: now,
      state: "SUBMITTED",
      updatedAt: now,
      startedAt: null,
      endedAt: null,
      error: null,
      position: 0,
      cancelled: false,
      results: [],
      hasResultSet: [],
    };
    this.keep(record);
    await this.deps.journal.flushed();
    this.enqueue(record);
    return record;
  }

  async cancel(id: string): Promise<void> {
    const record = this.get(id);
    if (isEnded(record.state))
      throw new AwsError(
        "ValidationException",
        `Could not cancel a query that is already in ${record.state} state with ID: ${id}`,
      );
    this.keep({ ...record, cancelled: true });
    await this.deps.journal.flushed();
    (await this.warehouses.get(fileOf(this.deps.home, record.target)))?.interrupt(id);
  }

  /** What the SQL at `index` answered. */
  async result(record: StatementRecord, index: number): Promise<SubResult | null> {
    const results = await (await this.warehouse(record.target)).results(record.id);
    return results?.[index] ?? null;
  }

  /** Takes up what was not ended when the process died: committed statements end, others run again from their start. */
  start(): void {
    const records = [...this.deps.journal.all(KIND).values()] as StatementRecord[];
    for (const record of records.sort((a, b) => a.number - b.number)) {
      this.remember(record);
      if (!isEnded(record.state)) this.enqueue(record);
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    const open = await Promise.all(this.warehouses.values());
    for (const warehouse of open) warehouse.interruptAll();
    await Promise.all(this.lines.values());
    for (const warehouse of open) warehouse.close();
  }

  /** Opens the database of a target, once. */
  warehouse(target: Target): Promise<Warehouse> {
    const file = fileOf(this.deps.home, target);
    const known = this.warehouses.get(file);
    if (known) return known;
    const opening = Warehouse.open(file, this.deps.threads, this.deps.s3, this.deps.clock);
    this.warehouses.set(file, opening);
    return opening;
  }

  private enqueue(record: StatementRecord): void {
    const line = fileOf(this.deps.home, record.target);
    this.lines.set(
      line,
      (this.lines.get(line) ?? Promise.resolve()).then(() => this.run(record.id)),
    );
  }

  /** Never rejects: whatever happens becomes the statement's end. */
  private async run(id: string): Promise<void> {
    if (this.stopping) return;
    const picked = this.get(id);
    const startedAt = this.deps.clock.now();
    if (!picked.cancelled) this.keep({ ...picked, state: "PICKED", updatedAt: startedAt, startedAt });
    const ended = await this.outcome(picked);
    if (ended === null) return;
    const at = this.deps.clock.now();
    const record = { ...this.get(id), startedAt, ...ended, endedAt: at, updatedAt: at };
    this.deps.journal.put(KIND, id, record);
    await this.deps.journal.flushed();
    this.remember(record);
  }

  private async outcome(picked: StatementRecord): Promise<Partial<StatementRecord> | null> {
    try {
      const warehouse = await this.warehouse(picked.target);
      // A cancel that comes after the commit is too late, also across a restart.
      if (picked.cancelled && (await warehouse.results(picked.id)) === null) return { state: "ABORTED" };
      const results = await warehouse.run(picked, (position) => {
        this.remember({ ...this.get(picked.id), state: "STARTED", position });
        if (this.get(picked.id).cancelled || this.stopping) throw new Error("Interrupted!");
      });
      return { state: "FINISHED", ...summary(results), position: picked.sqls.length };
    } catch (error) {
      const index = error instanceof BatchFailure ? error.index : 0;
      const cause = error instanceof BatchFailure ? error.cause : error;
      const committed = summary(error instanceof BatchFailure ? error.committed : []);
      if (this.get(picked.id).cancelled) return { state: "ABORTED", position: index, ...committed };
      if (this.stopping && isInterrupt(cause)) return null;
      const text = redshiftText(cause);
      const failure = picked.batch ? `Query #${index + 1} failed with ${text}` : text;
      return { state: "FAILED", position: index, ...committed, error: failure };
    }
  }

  private keep(record: StatementRecord): void {
    this.deps.journal.put(KIND, record.id, record);
    this.remember(record);
  }

  private remember(record: StatementRecord): void {
    this.records.set(record.id, record);
    if (record.token !== null) this.byToken.set(record.token, record.id);
  }
}

const summary = (results: readonly SubResult[]): Pick<StatementRecord, "results" | "hasResultSet"> => ({
  results: results.map(({ rowCount, startedAt, endedAt }) => ({ rowCount, startedAt, endedAt })),
  hasResultSet: results.map((result) => result.result !== null),
});

const fileOf = (home: string, target: Target): string => {
  const owner = target.workgroup === null ? `cluster-${target.cluster ?? ""}` : `workgroup-${target.workgroup}`;
  return join(home, encodeURIComponent(owner), `${encodeURIComponent(target.database)}.duckdb`);
};
