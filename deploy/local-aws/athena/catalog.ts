import type { Journal } from "../contract.ts";
import { QueryError } from "./query-error.ts";

export interface CatalogColumn {
  readonly name: string;
  readonly type: string;
}

export interface CatalogTable {
  readonly database: string;
  readonly name: string;
  readonly columns: readonly CatalogColumn[];
  readonly partitionKeys: readonly CatalogColumn[];
  readonly location: string;
  readonly format: "parquet" | "text" | "csv" | "json";
  readonly delimiter: string;
  readonly properties: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/** A partition that was registered, as opposed to projected. */
export interface CatalogPartition {
  readonly values: readonly string[];
  readonly location: string;
}

const DATABASE = "glue-database";
const TABLE = "glue-table";
const PARTITIONS = "glue-partitions";

/** The Glue catalog: databases, tables and registered partitions, kept in the journal. Names are lower case. */
export class Catalog {
  private readonly journal: Journal;

  constructor(journal: Journal) {
    this.journal = journal;
  }

  databases(): string[] {
    const made = [...this.journal.all(DATABASE)].filter(([, document]) => document !== null).map(([name]) => name);
    return [...new Set(["default", ...made])].sort();
  }

  tables(database: string): CatalogTable[] {
    return ([...this.journal.all(TABLE).values()] as (CatalogTable | null)[])
      .filter((table) => table !== null)
      .filter((table) => table.database === database)
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  table(database: string, name: string): CatalogTable | null {
    return (this.journal.all(TABLE).get(`${database}.${name}`) as CatalogTable | null | undefined) ?? null;
  }

  partitions(table: CatalogTable): readonly CatalogPartition[] {
    const kept = this.journal.all(PARTITIONS).get(`${table.database}.${table.name}`);
    return (kept as readonly CatalogPartition[] | null | undefined) ?? [];
  }

  createDatabase(name: string, createdAt: number): void {
    this.journal.put(DATABASE, name, { name, createdAt });
  }

  dropDatabase(name: string): void {
    if (this.tables(name).length > 0) throw new QueryError(`FAILED: SemanticException Database ${name} is not empty`);
    this.journal.put(DATABASE, name, null);
  }

  createTable(table: CatalogTable): void {
    if (!this.databases().includes(table.database))
      throw new QueryError(`FAILED: SemanticException Database does not exist: ${table.database}`);
    this.journal.put(TABLE, `${table.database}.${table.name}`, table);
  }

  dropTable(table: CatalogTable): void {
    this.journal.put(TABLE, `${table.database}.${table.name}`, null);
    this.journal.put(PARTITIONS, `${table.database}.${table.name}`, null);
  }

  /** Adds those whose values are not registered yet; answers how many were new. */
  addPartitions(table: CatalogTable, found: readonly CatalogPartition[]): number {
    const known = this.partitions(table);
    const keys = new Set(known.map((partition) => JSON.stringify(partition.values)));
    const fresh = found.filter((partition) => !keys.has(JSON.stringify(partition.values)));
    this.journal.put(PARTITIONS, `${table.database}.${table.name}`, [...known, ...fresh]);
    return fresh.length;
  }
}
