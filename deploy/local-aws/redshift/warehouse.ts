import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { Clock, S3Files } from "../contract.ts";
import { openDuckDb, quoteString, rowsOf } from "../duckdb/database.ts";
import { functionNames } from "../duckdb/functions.ts";
import { Running } from "../duckdb/running.ts";
import { REDSHIFT } from "./functions.ts";
import { runStatement } from "./run-statement.ts";
import type { Parameter } from "./dialect.ts";
import type { ResultRows } from "./rows.ts";

/** What one SQL of a statement did. */
export interface SubResult {
  /** Rows of its result set, or rows it changed; -1 when it has neither. */
  readonly rowCount: number;
  readonly startedAt: number;
  readonly endedAt: number;
  readonly result: ResultRows | null;
}

export interface BatchToRun {
  readonly id: string;
  readonly sqls: readonly string[];
  readonly parameters: readonly Parameter[];
}

/** A statement of a batch failed; what came before it was rolled back (or committed by a TRUNCATE: `committed` of them). */
export class BatchFailure extends Error {
  readonly index: number;
  readonly committed: readonly SubResult[];

  constructor(index: number, committed: readonly SubResult[], cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause });
    this.index = index;
    this.committed = committed;
  }
}

/**
 * What was committed is noted in the same transaction, in the same file: after a kill the note says whether a statement
 * is done, and it is there if and only if the statement's effects are.
 */
const NOTES = `
  CREATE SCHEMA IF NOT EXISTS public;
  CREATE SCHEMA IF NOT EXISTS local_aws_notes;
  CREATE TABLE IF NOT EXISTS local_aws_notes.statement (id VARCHAR, results VARCHAR);`;

/** One database of a workgroup or cluster: one file, one statement at a time. */
export class Warehouse {
  private readonly instance: DuckDBInstance;
  private readonly notes: DuckDBConnection;
  private readonly known: ReadonlySet<string>;
  private readonly s3: S3Files;
  private readonly clock: Clock;
  private running: { id: string; work: Running } | null = null;

  private constructor(
    instance: DuckDBInstance,
    notes: DuckDBConnection,
    known: ReadonlySet<string>,
    s3: S3Files,
    clock: Clock,
  ) {
    this.instance = instance;
    this.notes = notes;
    this.known = known;
    this.s3 = s3;
    this.clock = clock;
  }

  static async open(file: string, threads: number, s3: S3Files, clock: Clock): Promise<Warehouse> {
    await mkdir(dirname(file), { recursive: true });
    const instance = await openDuckDb({
      threads,
      nullOrder: "nulls_last_on_asc_first_on_desc",
      spillsTo: dirname(file),
    });
    const notes = await instance.connect();
    await notes.run(`${REDSHIFT.macros}; ATTACH ${quoteString(file)} AS __warehouse; USE __warehouse; ${NOTES}`);
    return new Warehouse(instance, notes, await functionNames(notes), s3, clock);
  }

  /** Runs what is not yet committed of a batch, in one transaction. Throws BatchFailure; answers what each SQL did. */
  async run(batch: BatchToRun, onStart: (index: number) => void): Promise<readonly SubResult[]> {
    let committed = (await this.results(batch.id)) ?? [];
    if (committed.length === batch.sqls.length) return committed;
    // Each call of the Data API may be another session: no temporary table outlives it.
    const connection = await this.instance.connect();
    const work = new Running(connection);
    this.running = { id: batch.id, work };
    let index = committed.length;
    try {
      // The macros are in the instance's own catalog, found before DuckDB's functions.
      await connection.run("SET search_path = '__warehouse.public,memory.main'");
      await connection.run("BEGIN");
      const results = [...committed];
      for (const sql of batch.sqls.slice(committed.length)) {
        onStart(index);
        const startedAt = this.clock.now();
        const { rowCount, result, commits } = await runStatement(
          connection,
          this.s3,
          this.known,
          sql,
          batch.parameters,
        );
        results.push({ rowCount, result, startedAt, endedAt: this.clock.now() });
        index++;
        const last = index === batch.sqls.length;
        if (!commits && !last) continue;
        await this.note(connection, batch.id, results);
        await connection.run("COMMIT");
        committed = [...results];
        if (!last) await connection.run("BEGIN");
      }
      return committed;
    } catch (error) {
      throw new BatchFailure(Math.min(index, batch.sqls.length - 1), committed, error);
    } finally {
      this.running = null;
      work.close();
    }
  }

  private async note(connection: DuckDBConnection, id: string, results: readonly SubResult[]): Promise<void> {
    await connection.run("DELETE FROM __warehouse.local_aws_notes.statement WHERE id = $1", [id]);
    const values = [id, JSON.stringify(results)];
    await connection.run("INSERT INTO __warehouse.local_aws_notes.statement VALUES ($1, $2)", values);
  }

  /** What is committed of a statement; null when nothing is. */
  async results(id: string): Promise<readonly SubResult[] | null> {
    const [row] = await rowsOf(
      this.notes,
      `SELECT results FROM local_aws_notes.statement WHERE id = ${quoteString(id)}`,
    );
    return row === undefined ? null : (JSON.parse(String(row[0])) as SubResult[]);
  }

  /** The user's tables and views. */
  async tables(): Promise<{ schema: string; name: string; type: string }[]> {
    const rows = await rowsOf(
      this.notes,
      `SELECT table_schema, table_name, CASE table_type WHEN 'VIEW' THEN 'VIEW' ELSE 'TABLE' END
       FROM information_schema.tables
       WHERE table_catalog = '__warehouse' AND table_schema <> 'local_aws_notes' ORDER BY 1, 2`,
    );
    return rows.map(([schema, name, type]) => ({ schema: String(schema), name: String(name), type: String(type) }));
  }

  /** Stops the statement if it is the one running. */
  interrupt(id: string): void {
    if (this.running?.id === id) this.running.work.interrupt();
  }

  interruptAll(): void {
    this.running?.work.interrupt();
  }

  close(): void {
    this.notes.closeSync();
    this.instance.closeSync();
  }
}
