import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AwsError } from "../contract.ts";
import type { ServiceDependencies } from "../contract.ts";
import { isInterrupt } from "../duckdb/database.ts";
import { tokenize } from "../duckdb/tokens.ts";
import { Catalog } from "./catalog.ts";
import { isDdl, runDdl } from "./ddl.ts";
import { athenaText } from "./query-error.ts";
import { asCsv, ddlRows } from "./results.ts";
import { prepared, QueryEngine } from "./run-query.ts";
import type { QueryRows } from "./run-query.ts";

export type QueryState = "QUEUED" | "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELLED";

/** What was asked for and how it went, as the journal keeps it. */
export interface QueryRecord {
  readonly id: string;
  readonly number: number;
  readonly query: string;
  readonly parameters: readonly string[];
  readonly database: string | null;
  readonly workGroup: string;
  readonly token: string | null;
  readonly outputLocation: string;
  readonly ddl: boolean;
  readonly submittedAt: number;
  readonly state: QueryState;
  readonly startedAt: number | null;
  readonly endedAt: number | null;
  readonly reason: string | null;
  readonly scannedBytes: number;
  readonly cancelled: boolean;
}

const KIND = "athena-query";
/** Athena's default is 20 to 25 by region; on one machine more than a few only wait for each other. */
const AT_ONCE = 4;

export const isEnded = (state: QueryState): boolean => state !== "QUEUED" && state !== "RUNNING";

/** All queries; a few run at once, the others wait their turn in order. */
export class Queries {
  private readonly deps: ServiceDependencies;
  readonly catalog: Catalog;
  private readonly records = new Map<string, QueryRecord>();
  private readonly byToken = new Map<string, string>();
  private readonly interrupts = new Map<string, () => void>();
  private readonly waiting: string[] = [];
  private readonly running = new Map<string, Promise<void>>();
  private engine: Promise<QueryEngine> | null = null;
  private stopping = false;

  constructor(deps: ServiceDependencies) {
    this.deps = deps;
    this.catalog = new Catalog(deps.journal);
  }

  /** Newest first. */
  all(): QueryRecord[] {
    return [...this.records.values()].sort((a, b) => b.number - a.number);
  }

  find(id: string): QueryRecord | undefined {
    return this.records.get(id);
  }

  async submit(
    asked: Pick<QueryRecord, "query" | "parameters" | "database" | "workGroup" | "token"> & { location: string },
  ): Promise<QueryRecord> {
    const { location, ...wanted } = asked;
    const before = asked.token === null ? undefined : this.records.get(this.byToken.get(asked.token) ?? "");
    if (before !== undefined) {
      if (before.query !== asked.query)
        throw new AwsError("InvalidRequestException", "Idempotent parameters do not match", 400, {
          AthenaErrorCode: "INVALID_INPUT",
        });
      await this.deps.journal.flushed();
      return before;
    }
    const id = randomUUID();
    const ddl = isDdl(tokenize(asked.query));
    const record: QueryRecord = {
      ...wanted,
      id,
      number: this.records.size,
      outputLocation: `${location.replace(/\/$/, "")}/${id}.${ddl ? "txt" : "csv"}`,
      ddl,
      submittedAt: this.deps.clock.now(),
      state: "QUEUED",
      startedAt: null,
      endedAt: null,
      reason: null,
      scannedBytes: 0,
      cancelled: false,
    };
    this.keep(record);
    await this.deps.journal.flushed();
    this.enqueue(id);
    return record;
  }

  /** Safe to repeat: an ended query stays as it ended. */
  async cancel(record: QueryRecord): Promise<void> {
    if (isEnded(record.state)) return;
    this.keep({ ...record, cancelled: true });
    await this.deps.journal.flushed();
    this.interrupts.get(record.id)?.();
  }

  async rows(record: QueryRecord): Promise<QueryRows> {
    return JSON.parse(await readFile(this.resultFile(record.id), "utf8")) as QueryRows;
  }

  /** Takes up what was not ended when the process died: a query changes nothing, so it runs again. */
  start(): void {
    const records = [...this.deps.journal.all(KIND).values()] as QueryRecord[];
    for (const record of records.sort((a, b) => a.number - b.number)) {
      this.remember(record);
      if (!isEnded(record.state)) this.enqueue(record.id);
    }
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const interrupt of this.interrupts.values()) interrupt();
    await Promise.all(this.running.values());
    (await this.engine)?.close();
  }

  private enqueue(id: string): void {
    this.waiting.push(id);
    this.next();
  }

  private next(): void {
    while (!this.stopping && this.running.size < AT_ONCE) {
      const id = this.waiting.shift();
      if (id === undefined) return;
      const run = this.run(id).finally(() => {
        this.running.delete(id);
        this.next();
      });
      this.running.set(id, run);
    }
  }

  /** Never rejects: whatever happens becomes the query's end. */
  private async run(id: string): Promise<void> {
    const startedAt = this.deps.clock.now();
    this.remember({ ...this.recordOf(id), state: "RUNNING", startedAt });
    const ended = await this.outcome(this.recordOf(id));
    this.interrupts.delete(id);
    if (ended === null) return;
    const record = { ...this.recordOf(id), ...ended, endedAt: this.deps.clock.now() };
    this.deps.journal.put(KIND, id, record);
    await this.deps.journal.flushed();
    this.remember(record);
  }

  private async outcome(record: QueryRecord): Promise<Partial<QueryRecord> | null> {
    const cancelled = (): boolean => this.recordOf(record.id).cancelled;
    try {
      if (cancelled()) return { state: "CANCELLED", reason: "Query was cancelled" };
      const tokens = prepared(record.query, record.parameters);
      const now = this.deps.clock.now();
      const database = record.database ?? "default";
      const { scannedBytes, ...rows } = record.ddl
        ? ddlRows(await runDdl(tokens, { catalog: this.catalog, s3: this.deps.s3, database, now }))
        : await (
            await this.openEngine()
          ).run({ tokens, database, now }, (interrupt) => {
            this.interrupts.set(record.id, interrupt);
            if (cancelled() || this.stopping) interrupt();
          });
      await this.keepRows(record, rows);
      return { state: "SUCCEEDED", scannedBytes };
    } catch (error) {
      if (cancelled()) return { state: "CANCELLED", reason: "Query was cancelled" };
      if (this.stopping && isInterrupt(error)) return null;
      return { state: "FAILED", reason: athenaText(error) };
    }
  }

  /** The rows for GetQueryResults, and the object at the output location as Athena writes it. */
  private async keepRows(record: QueryRecord, rows: QueryRows): Promise<void> {
    const file = this.resultFile(record.id);
    await mkdir(join(this.deps.home, "results"), { recursive: true });
    await writeFile(`${file}.new`, JSON.stringify(rows));
    await rename(`${file}.new`, file);
    const text = record.ddl ? rows.rows.map(([line]) => `${line ?? ""}\n`).join("") : asCsv(rows);
    await this.deps.s3.write(record.outputLocation, new TextEncoder().encode(text));
  }

  private openEngine(): Promise<QueryEngine> {
    this.engine ??= QueryEngine.open(this.deps.threads, this.catalog, this.deps.s3, this.deps.home);
    return this.engine;
  }

  private resultFile(id: string): string {
    return join(this.deps.home, "results", `${id}.json`);
  }

  private recordOf(id: string): QueryRecord {
    const record = this.records.get(id);
    if (record === undefined) throw new Error(`no query ${id}`);
    return record;
  }

  private keep(record: QueryRecord): void {
    this.deps.journal.put(KIND, record.id, record);
    this.remember(record);
  }

  private remember(record: QueryRecord): void {
    this.records.set(record.id, record);
    if (record.token !== null) this.byToken.set(record.token, record.id);
  }
}
