import {
  BatchExecuteStatementCommand,
  CancelStatementCommand,
  DescribeStatementCommand,
  ListStatementsCommand,
  RedshiftDataClient,
  type DescribeStatementResponse,
  type StatementData,
} from "@aws-sdk/client-redshift-data";
import type { Instant, Json } from "../../../engine/core/json.ts";
import type {
  Connection,
  Launch,
  Observation,
  Observed,
  Operator,
  OperatorContext,
  OperatorDescriptor,
  SubmitContext,
  TaskFailure,
} from "../../../engine/core/operator.ts";
import { clientOf, type Purpose } from "../clients.ts";
import { required, settingsOf } from "../connection-settings.ts";
import { consoleLinks } from "../console-links.ts";
import { isNamed } from "../errors.ts";
import { launch, sendOptions, whileItMaySend } from "../launch.ts";
import { secondsBetween } from "../quantities.ts";
import { readRows, resultId, type Row } from "./result-rows.ts";
import { failureOf, STATUSES } from "./statuses.ts";
import { usageOf } from "./usage.ts";

/** What is sent: one batch is one transaction. */
export interface Batch {
  readonly statements: readonly string[];
  readonly parameters?: Readonly<Record<string, string | number>>;
}

export interface StatementRef {
  readonly statement_id: string;
}

/** What tells one Redshift operator from another. */
interface Kind<P, Out> {
  readonly facts: Omit<OperatorDescriptor, "load" | "params"> & {
    readonly params: Operator<P>["params"];
    readonly launch: Launch;
  };
  batch(params: P, context: SubmitContext): Promise<Batch>;
  /** The output, from the rows of the batch's last result. */
  output(rows: readonly Row[]): Out;
  /** What a failed statement of this kind means, when it is more than Redshift's own text says. */
  failure?(message: string, statement: number): TaskFailure | null;
}

const PAGE = 100;

/** Runs one batch by the Data API: StatementName and ClientToken are the launch key. */
export function redshiftOperator<P, Out extends Json>(kind: Kind<P, Out>): Operator<P, StatementRef, Out> {
  return {
    ...kind.facts,
    batchSize: 50,

    submit: (params, context) =>
      launch(
        async () => request(await kind.batch(params, context), context),
        async (input) => {
          const command = whileItMaySend(new BatchExecuteStatementCommand(input), context);
          const { Id = "" } = await redshiftOf(context.connection, "submit").send(command, sendOptions(context));
          return { statement_id: Id };
        },
      ),

    async find(_params, { connection, launchKey, signal }) {
      const list = new ListStatementsCommand({ Status: "ALL", StatementName: launchKey, MaxResults: PAGE });
      const { Statements = [] } = await redshiftOf(connection, "look").send(list, { abortSignal: signal });
      return Statements.map(({ Id = "" }) => ({ statement_id: Id })).reverse();
    },

    async observe(jobs, signal) {
      const live = await stillRunning(jobs, signal);
      return Promise.all(
        jobs.map(async (job): Promise<Observation<Out>> => {
          const statement = live.get(job.ref.statement_id);
          return statement ? running(statement, job.context) : look(kind, job, signal);
        }),
      );
    },

    async cancel({ statement_id }, { connection, signal }) {
      try {
        const cancel = new CancelStatementCommand({ Id: statement_id });
        await redshiftOf(connection, "look").send(cancel, { abortSignal: signal });
      } catch (error) {
        // It has ended, or the Data API has forgotten it: the next look says so.
        const isOver = isNamed(error, "ValidationException") && /already|finished|not running/i.test(error.message);
        if (!isOver && !isNamed(error, "ResourceNotFoundException")) throw error;
      }
    },

    links: (_ref, { connection }) =>
      consoleLinks(connection, "redshift_data", [
        { label: "Redshift queries", path: `redshiftv2/home?region=${connection.region}#/query-monitoring` },
      ]),
  };
}

const redshiftOf = (connection: Connection, purpose: Purpose): RedshiftDataClient =>
  clientOf(connection, "redshift_data", purpose, (config) => new RedshiftDataClient(config));

function request({ statements, parameters = {} }: Batch, { connection, launchKey }: SubmitContext) {
  const { redshift } = settingsOf(connection);
  const given = Object.entries(parameters).map(([name, value]) => ({ name, value: String(value) }));
  return {
    ...(redshift.workgroup === undefined
      ? {
          ClusterIdentifier: required(connection, "redshift.workgroup (or cluster)", redshift.cluster),
          DbUser: redshift.db_user,
        }
      : { WorkgroupName: redshift.workgroup }),
    SecretArn: redshift.secret_arn,
    Database: required(connection, "redshift.database", redshift.database),
    Sqls: [...statements],
    ...(given.length === 0 ? {} : { Parameters: given }),
    StatementName: launchKey,
    ClientToken: launchKey,
    WithEvent: true,
  };
}

/** Of several statements, those that one list shows to be still at work. Only the others are described. */
async function stillRunning(
  jobs: readonly Observed<StatementRef>[],
  signal: AbortSignal,
): Promise<Map<string, StatementData>> {
  const first = jobs[0];
  if (!first || jobs.length < 2) return new Map();
  const list = new ListStatementsCommand({ Status: "ALL", MaxResults: PAGE });
  const { Statements = [] } = await redshiftOf(first.context.connection, "look").send(list, { abortSignal: signal });
  const live = Statements.filter(({ Status }) => Status === "SUBMITTED" || Status === "PICKED" || Status === "STARTED");
  return new Map(live.map((statement) => [statement.Id ?? "", statement]));
}

/** A statement at work, with what it has used so far. */
function running(
  { Status, CreatedAt }: Pick<StatementData, "Status" | "CreatedAt">,
  context: OperatorContext,
): Observation<never> {
  const seconds = CreatedAt === undefined ? 0 : secondsBetween(CreatedAt, new Date(context.now()));
  return { kind: "running", detail: Status ?? "", usage: usageOf(context.connection, seconds) };
}

async function look<P, Out>(
  kind: Kind<P, Out>,
  { ref, context }: Observed<StatementRef>,
  signal: AbortSignal,
): Promise<Observation<Out>> {
  const { connection } = context;
  const client = redshiftOf(connection, "look");
  let statement: DescribeStatementResponse;
  try {
    statement = await client.send(new DescribeStatementCommand({ Id: ref.statement_id }), { abortSignal: signal });
  } catch (error) {
    if (isNamed(error, "ResourceNotFoundException")) return { kind: "unseen" };
    throw error;
  }
  const state = (statement.Status ?? "") as string;
  const meaning = Object.hasOwn(STATUSES, state) ? STATUSES[state as keyof typeof STATUSES] : null;
  if (meaning === "running") return running(statement, context);
  const usage = usageOf(connection, elapsedSeconds(statement, context.now()));
  const message = statement.Error?.trim() || `the statement ended as ${state}`;
  if (meaning === "aborted")
    return { kind: "failed", failure: { class: "permanent", code: "CANCELLED", message }, usage };
  if (meaning === "failed") {
    const failure = kind.failure?.(message, failedStatement(statement)) ?? failureOf(message);
    return { kind: "failed", failure, usage };
  }
  if (meaning === null) {
    const unknown = `Redshift answered the status ${state}`;
    return { kind: "failed", failure: { class: "permanent", code: "UNKNOWN_STATUS", message: unknown }, usage };
  }
  const id = resultId(statement);
  const rows = id === null ? [] : await readRows(client, id, signal);
  if (rows !== null) return { kind: "succeeded", output: kind.output(rows), usage };
  const tooMuch = "the result is larger than the 64 KiB an output may hold: select less, or unload it to S3";
  return { kind: "failed", failure: { class: "permanent", code: "JOB_FAILED", message: tooMuch }, usage };
}

/** Duration counts nanoseconds, and is -1 until there is one. */
function elapsedSeconds({ Duration = -1, CreatedAt }: DescribeStatementResponse, now: Instant): number {
  if (Duration >= 0) return Duration / 1e9;
  return CreatedAt === undefined ? 0 : secondsBetween(CreatedAt, new Date(now));
}

/** Which statement of the batch failed, counted from 1; 0 when Redshift does not say. */
function failedStatement({ SubStatements = [] }: DescribeStatementResponse): number {
  return SubStatements.findIndex(({ Status }) => Status === "FAILED") + 1;
}
