import type {
  BatchGetQueryExecutionInput,
  CreateWorkGroupInput,
  GetQueryExecutionInput,
  GetQueryResultsInput,
  GetWorkGroupInput,
  ListQueryExecutionsInput,
  QueryExecution,
  StartQueryExecutionInput,
  StopQueryExecutionInput,
} from "@aws-sdk/client-athena";
import { AwsError } from "../contract.ts";
import type { JsonService, RemoteJob, ServiceDependencies } from "../contract.ts";
import { tokenize } from "../duckdb/tokens.ts";
import { isDdl } from "./ddl.ts";
import { isEnded, Queries } from "./queries.ts";
import type { QueryRecord } from "./queries.ts";
import { beginning, isQuery } from "./run-query.ts";
import { WorkGroups } from "./work-groups.ts";
import { loadShapes } from "../load.ts";

const invalid = (message: string, code = "INVALID_INPUT"): AwsError =>
  new AwsError("InvalidRequestException", message, 400, { AthenaErrorCode: code });

/** Athena over DuckDB: queries read the files that the catalog's tables name. */
export function createAthena(deps: ServiceDependencies): JsonService {
  const queries = new Queries(deps);
  const workGroups = new WorkGroups(deps.journal);

  const query = (id = ""): QueryRecord => {
    const record = queries.find(id);
    if (record === undefined) throw invalid(`QueryExecution ${id} was not found`);
    return record;
  };

  return {
    name: "Athena",
    targetPrefix: "AmazonAthena",
    schemas: loadShapes("@aws-sdk/client-athena"),
    operations: {
      StartQueryExecution: async (input: StartQueryExecutionInput) => {
        const group = workGroups.get(input.WorkGroup ?? "primary");
        if (group === null) throw invalid("WorkGroup is not found.");
        const location = input.ResultConfiguration?.OutputLocation ?? group.outputLocation;
        if (location === null)
          throw invalid(
            "No output location provided. An output location is required either through the Workgroup result configuration setting or as an API input.",
          );
        if (!/^s3:\/\/[^/]+/.test(location)) throw invalid("outputLocation is not a valid S3 path.");
        const tokens = tokenize(input.QueryString ?? "");
        if (!isQuery(tokens) && !isDdl(tokens))
          throw invalid(`Queries of this type are not supported: ${beginning(tokens)}`, "MALFORMED_QUERY");
        const record = await queries.submit({
          query: input.QueryString ?? "",
          parameters: input.ExecutionParameters ?? [],
          database: input.QueryExecutionContext?.Database?.toLowerCase() ?? null,
          workGroup: group.name,
          token: input.ClientRequestToken ?? null,
          location,
        });
        return { QueryExecutionId: record.id };
      },
      GetQueryExecution: async (input: GetQueryExecutionInput) => ({
        QueryExecution: shown(query(input.QueryExecutionId)),
      }),
      BatchGetQueryExecution: async (input: BatchGetQueryExecutionInput) => {
        const ids = input.QueryExecutionIds ?? [];
        if (ids.length > 50) throw invalid("At most 50 QueryExecutionIds.");
        const found = ids.flatMap((id) => queries.find(id) ?? []);
        const unknown = ids.filter((id) => queries.find(id) === undefined);
        return {
          QueryExecutions: found.map(shown),
          UnprocessedQueryExecutionIds: unknown.map((id) => ({
            QueryExecutionId: id,
            ErrorCode: "INVALID_INPUT",
            ErrorMessage: `QueryExecution ${id} was not found`,
          })),
        };
      },
      StopQueryExecution: async (input: StopQueryExecutionInput) => {
        await queries.cancel(query(input.QueryExecutionId));
        return {};
      },
      GetQueryResults: async (input: GetQueryResultsInput) => {
        const record = query(input.QueryExecutionId);
        if (record.state !== "SUCCEEDED")
          throw invalid(
            isEnded(record.state)
              ? `Query did not finish successfully. Final query state: ${record.state}`
              : `Query has not yet finished. Current state: ${record.state}`,
            "INVALID_QUERY_EXECUTION_STATE",
          );
        const { columns, rows } = await queries.rows(record);
        // Row 0 of a query is its header; statements of the catalog have none.
        const all = record.ddl ? rows : [columns.map((column) => column.name), ...rows];
        const { page, next } = paged(all, input.NextToken, input.MaxResults ?? 1000);
        const data = page.map((row) => ({
          Data: row.map((value) => (value === null ? {} : { VarCharValue: value })),
        }));
        const info = columns.map((column) => ({
          CatalogName: "hive",
          SchemaName: "",
          TableName: "",
          Name: column.name,
          Label: column.name,
          Type: column.type,
          Precision: column.precision,
          Scale: column.scale,
          Nullable: "UNKNOWN" as const,
          CaseSensitive: column.type === "varchar",
        }));
        return {
          UpdateCount: 0,
          ResultSet: { Rows: data, ResultSetMetadata: { ColumnInfo: info } },
          NextToken: next,
        };
      },
      ListQueryExecutions: async (input: ListQueryExecutionsInput) => {
        const group = input.WorkGroup ?? "primary";
        const ids = queries.all().filter((record) => record.workGroup === group);
        const { page, next } = paged(ids, input.NextToken, input.MaxResults ?? 50);
        return { QueryExecutionIds: page.map((record) => record.id), NextToken: next };
      },
      GetWorkGroup: async (input: GetWorkGroupInput) => {
        const group = workGroups.get(input.WorkGroup ?? "");
        if (group === null) throw invalid("WorkGroup is not found.");
        return { WorkGroup: workGroups.shown(group) };
      },
      CreateWorkGroup: async (input: CreateWorkGroupInput) => {
        if (workGroups.get(input.Name ?? "") !== null) throw invalid("WorkGroup is already created.");
        workGroups.create(input.Name ?? "", input.Configuration?.ResultConfiguration?.OutputLocation ?? null);
        await deps.journal.flushed();
        return {};
      },
    },
    remoteJobs: () => queries.all().map(remoteJob),
    start: async () => queries.start(),
    stop: () => queries.stop(),
  };
}

function paged<T>(all: readonly T[], token: string | undefined, size: number): { page: T[]; next: string | undefined } {
  const from = Number(token ?? "0");
  if (!Number.isInteger(from) || from < 0) throw invalid("NextToken is not valid.");
  const next = from + size;
  return { page: all.slice(from, next), next: next < all.length ? String(next) : undefined };
}

function shown(record: QueryRecord): QueryExecution {
  const { startedAt, endedAt, submittedAt } = record;
  const running = (endedAt ?? startedAt ?? submittedAt) - (startedAt ?? submittedAt);
  return {
    QueryExecutionId: record.id,
    Query: record.query,
    StatementType: record.ddl ? "DDL" : "DML",
    ResultConfiguration: { OutputLocation: record.outputLocation },
    QueryExecutionContext: { ...(record.database !== null && { Database: record.database }) },
    WorkGroup: record.workGroup,
    EngineVersion: { SelectedEngineVersion: "AUTO", EffectiveEngineVersion: "Athena engine version 3" },
    ...(record.parameters.length > 0 && { ExecutionParameters: [...record.parameters] }),
    Status: {
      State: record.state,
      SubmissionDateTime: new Date(submittedAt),
      ...(endedAt !== null && { CompletionDateTime: new Date(endedAt) }),
      ...(record.reason !== null && { StateChangeReason: record.reason }),
      // Category 2: the user's query, not the service.
      ...(record.state === "FAILED" && {
        AthenaError: { ErrorCategory: 2, ErrorType: 1000, Retryable: false, ErrorMessage: record.reason ?? "" },
      }),
    },
    Statistics: {
      EngineExecutionTimeInMillis: Math.round(running),
      DataScannedInBytes: record.scannedBytes,
      TotalExecutionTimeInMillis: Math.round((endedAt ?? submittedAt) - submittedAt),
      QueryQueueTimeInMillis: Math.round((startedAt ?? submittedAt) - submittedAt),
    },
  };
}

const LAUNCH_KEY = /[0-9a-f]{48}/;

function remoteJob(record: QueryRecord): RemoteJob {
  return {
    service: "Athena",
    id: record.id,
    name: record.query.trim().slice(0, 80),
    launchKey: LAUNCH_KEY.exec(record.token ?? "")?.[0] ?? record.token,
    state: record.state,
    startedAt: record.submittedAt,
    endedAt: record.endedAt,
  };
}
