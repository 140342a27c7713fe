import type {
  ColumnMetadata,
  DescribeStatementResponse,
  StatementData,
  SubStatementData,
} from "@aws-sdk/client-redshift-data";
import { AwsError } from "../contract.ts";
import type { ResultColumn } from "./rows.ts";
import type { StatementRecord, StatementState } from "./statements.ts";

const NANOSECONDS = 1_000_000;

/** "<id>" or "<id>:<n>", n counting a batch's SQL from 1. */
export function idParts(text: string): { id: string; index: number | null } {
  const [id = "", number] = text.split(":");
  return { id, index: number === undefined ? null : Number(number) - 1 };
}

/** DescribeStatement of a statement, or of one SQL of a batch. */
export function describe(record: StatementRecord, index: number | null): DescribeStatementResponse {
  const whole: DescribeStatementResponse = {
    Id: record.id,
    Status: record.state,
    CreatedAt: new Date(record.createdAt),
    UpdatedAt: new Date(record.updatedAt),
    Duration: Math.round(((record.endedAt ?? record.updatedAt) - (record.startedAt ?? record.updatedAt)) * NANOSECONDS),
    Database: record.target.database,
    HasResultSet: record.hasResultSet.includes(true),
    ResultRows: record.state === "FINISHED" ? (record.results.at(-1)?.rowCount ?? -1) : -1,
    ResultSize: record.state === "FINISHED" ? 0 : -1,
    RedshiftPid: record.number + 1,
    RedshiftQueryId: record.state === "FINISHED" ? record.number + 1 : -1,
    ...(record.target.workgroup !== null && { WorkgroupName: record.target.workgroup }),
    ...(record.target.cluster !== null && { ClusterIdentifier: record.target.cluster }),
    ...(record.target.dbUser !== null && { DbUser: record.target.dbUser }),
    ...(record.target.secretArn !== null && { SecretArn: record.target.secretArn }),
    ...(record.error !== null && { Error: record.error }),
  };
  if (index === null)
    return record.batch
      ? { ...whole, SubStatements: record.sqls.map((_sql, position) => subStatement(record, position)) }
      : {
          ...whole,
          QueryString: record.sqls[0] ?? "",
          ...(record.parameters.length > 0 && { QueryParameters: [...record.parameters] }),
        };
  if (!record.batch || index < 0 || index >= record.sqls.length || !Number.isInteger(index))
    throw new AwsError("ResourceNotFoundException", "Query does not exist.", 404);
  const sub = subStatement(record, index);
  return { ...whole, ...sub, Id: sub.Id, Status: sub.Status ?? record.state };
}

/** A rolled-back SQL had run, but its effect is gone: Redshift calls it ABORTED. */
function subState(record: StatementRecord, index: number): StatementState {
  if (index < record.results.length) return "FINISHED";
  if (record.state === "FAILED") return index === record.position ? "FAILED" : "ABORTED";
  if (record.state === "ABORTED") return "ABORTED";
  return record.state === "STARTED" && index === record.position ? "STARTED" : "SUBMITTED";
}

function subStatement(record: StatementRecord, index: number): SubStatementData {
  const ran = record.results[index];
  const state = subState(record, index);
  return {
    Id: `${record.id}:${index + 1}`,
    QueryString: record.sqls[index] ?? "",
    Status: state,
    CreatedAt: new Date(record.createdAt),
    UpdatedAt: new Date(ran?.endedAt ?? record.updatedAt),
    Duration: ran === undefined ? -1 : Math.round((ran.endedAt - ran.startedAt) * NANOSECONDS),
    HasResultSet: record.hasResultSet[index] ?? false,
    ResultRows: ran?.rowCount ?? -1,
    ResultSize: ran === undefined ? -1 : 0,
    RedshiftQueryId: ran === undefined ? -1 : record.number + 1,
    ...(state === "FAILED" && record.error !== null && { Error: record.error.replace(/^Query #\d+ failed with /, "") }),
  };
}

/** A row of ListStatements. */
export function listed(record: StatementRecord): StatementData {
  return {
    Id: record.id,
    Status: record.state,
    CreatedAt: new Date(record.createdAt),
    UpdatedAt: new Date(record.updatedAt),
    IsBatchStatement: record.batch,
    ...(record.name !== null && { StatementName: record.name }),
    ...(record.batch ? { QueryStrings: [...record.sqls] } : { QueryString: record.sqls[0] ?? "" }),
  };
}

export const columnMetadata = (column: ResultColumn): ColumnMetadata => ({
  name: column.name,
  label: column.name,
  typeName: column.typeName,
  precision: column.precision,
  scale: column.scale,
  length: 0,
  nullable: 1,
  isCaseSensitive: column.typeName === "varchar",
  isCurrency: false,
  isSigned: column.field === "longValue" || column.field === "doubleValue" || column.typeName === "numeric",
  schemaName: "",
  tableName: "",
});
