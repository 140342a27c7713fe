import type {
  BatchExecuteStatementInput,
  CancelStatementRequest,
  ColumnMetadata,
  DescribeStatementRequest,
  ExecuteStatementInput,
  Field,
  GetStatementResultRequest,
  ListStatementsRequest,
  ListTablesRequest,
} from "@aws-sdk/client-redshift-data";
import { AwsError } from "../contract.ts";
import type { JsonService, RemoteJob, ServiceDependencies } from "../contract.ts";
import { columnMetadata, describe, idParts, listed } from "./describe.ts";
import type { ResultColumn } from "./rows.ts";
import { isEnded, Statements } from "./statements.ts";
import type { StatementRecord, Target } from "./statements.ts";
import { loadShapes } from "../load.ts";

const PAGE_ROWS = 1000;

/** The Redshift Data API over DuckDB: one file for each workgroup (or cluster) and database, below deps.home. */
export function createRedshiftData(deps: ServiceDependencies): JsonService {
  const statements = new Statements(deps);

  const submit = async (
    input: ExecuteStatementInput | BatchExecuteStatementInput,
    sqls: readonly string[],
    batch: boolean,
  ): Promise<object> => {
    const parameters = "Parameters" in input ? (input.Parameters ?? []) : [];
    const record = await statements.submit({
      batch,
      sqls,
      parameters: parameters.map(({ name = "", value = "" }) => ({ name, value })),
      name: input.StatementName ?? null,
      token: input.ClientToken ?? null,
      target: targetOf(input),
    });
    return {
      Id: record.id,
      CreatedAt: new Date(record.createdAt),
      Database: record.target.database,
      WorkgroupName: record.target.workgroup ?? undefined,
      ClusterIdentifier: record.target.cluster ?? undefined,
      DbUser: record.target.dbUser ?? undefined,
      SecretArn: record.target.secretArn ?? undefined,
    };
  };

  return {
    name: "RedshiftData",
    targetPrefix: "RedshiftData",
    schemas: loadShapes("@aws-sdk/client-redshift-data"),
    operations: {
      ExecuteStatement: (input: ExecuteStatementInput) => submit(input, [input.Sql ?? ""], false),
      BatchExecuteStatement: (input: BatchExecuteStatementInput) => {
        const sqls = input.Sqls ?? [];
        if (sqls.length < 1 || sqls.length > 40)
          throw new AwsError("ValidationException", "Sqls must hold between 1 and 40 statements.");
        return submit(input, sqls, true);
      },
      DescribeStatement: async (input: DescribeStatementRequest) => {
        const { id, index } = idParts(input.Id ?? "");
        return describe(statements.get(id), index);
      },
      ListStatements: async (input: ListStatementsRequest) => {
        const state = input.Status ?? "FINISHED";
        const found = statements
          .all()
          .filter((record) => state === "ALL" || record.state === state)
          .filter((record) => (record.name ?? "").startsWith(input.StatementName ?? ""))
          .filter((record) => input.Database === undefined || record.target.database === input.Database)
          .filter((record) => input.WorkgroupName === undefined || record.target.workgroup === input.WorkgroupName)
          .filter(
            (record) => input.ClusterIdentifier === undefined || record.target.cluster === input.ClusterIdentifier,
          );
        const { page, next } = paged(found, input.NextToken, input.MaxResults || 100);
        return { Statements: page.map(listed), NextToken: next };
      },
      CancelStatement: async (input: CancelStatementRequest) => {
        await statements.cancel(idParts(input.Id ?? "").id);
        return { Status: true };
      },
      GetStatementResult: async (input: GetStatementResultRequest) => {
        const { id, index } = idParts(input.Id ?? "");
        const record = statements.get(id);
        const result = await resultOf(statements, record, index);
        const { page, next } = paged(result.rows, input.NextToken, PAGE_ROWS);
        return {
          ColumnMetadata: result.columns.map((column): ColumnMetadata => columnMetadata(column)),
          Records: page.map((row) => row.map((value, column) => field(value, result.columns[column]))),
          TotalNumRows: result.rows.length,
          NextToken: next,
        };
      },
      ListTables: async (input: ListTablesRequest) => {
        const warehouse = await statements.warehouse(targetOf(input));
        const found = (await warehouse.tables()).filter(
          (table) => like(input.SchemaPattern, table.schema) && like(input.TablePattern, table.name),
        );
        const { page, next } = paged(found, input.NextToken, input.MaxResults || 1000);
        return { Tables: page, NextToken: next };
      },
    },
    remoteJobs: () => statements.all().map(remoteJob),
    start: async () => statements.start(),
    stop: () => statements.stop(),
  };
}

function targetOf(input: ExecuteStatementInput | BatchExecuteStatementInput | ListTablesRequest): Target {
  const { WorkgroupName: workgroup, ClusterIdentifier: cluster } = input;
  if ((workgroup === undefined) === (cluster === undefined))
    throw new AwsError("ValidationException", "Either WorkgroupName or ClusterIdentifier must be given, and not both.");
  if (input.Database === undefined) throw new AwsError("ValidationException", "Database must be given.");
  return {
    workgroup: workgroup ?? null,
    cluster: cluster ?? null,
    database: input.Database,
    dbUser: input.DbUser ?? null,
    secretArn: input.SecretArn ?? null,
  };
}

async function resultOf(statements: Statements, record: StatementRecord, index: number | null) {
  if (record.batch && index === null)
    throw new AwsError("ValidationException", "Batch statement results are read by the id of a sub-statement.");
  const found = record.state === "FINISHED" ? await statements.result(record, index ?? 0) : null;
  if (!found?.result)
    throw new AwsError(
      "ResourceNotFoundException",
      "Query does not have result. Please check query status with DescribeStatement.",
      404,
    );
  return found.result;
}

function field(value: string | number | boolean | null, column: ResultColumn | undefined): Field {
  if (value === null) return { isNull: true };
  return { [column?.field ?? "stringValue"]: value } as unknown as Field;
}

function paged<T>(all: readonly T[], token: string | undefined, size: number): { page: T[]; next: string | undefined } {
  const from = Number(token ?? "0");
  if (!Number.isInteger(from) || from < 0) throw new AwsError("ValidationException", "NextToken is not valid.");
  const next = from + size;
  return { page: all.slice(from, next), next: next < all.length ? String(next) : undefined };
}

/** A pattern of LIKE, as the Data API takes it. */
function like(pattern: string | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  const escaped = pattern
    .replace(/[.*+?^${}()|[\]\\]/g, "\\$&")
    .replaceAll("%", ".*")
    .replaceAll("_", ".");
  return new RegExp(`^${escaped}$`).test(text);
}

const LAUNCH_KEY = /[0-9a-f]{48}/;

function remoteJob(record: StatementRecord): RemoteJob {
  return {
    service: "RedshiftData",
    id: record.id,
    name: record.name ?? record.id,
    launchKey: LAUNCH_KEY.exec(record.name ?? "")?.[0] ?? record.token,
    state: record.state,
    startedAt: record.createdAt,
    endedAt: isEnded(record.state) ? record.endedAt : null,
  };
}
