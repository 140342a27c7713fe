import {
  AthenaClient,
  BatchGetQueryExecutionCommand,
  StartQueryExecutionCommand,
  StopQueryExecutionCommand,
  type QueryExecution,
} from "@aws-sdk/client-athena";
import type { Json, JsonObject } from "../../../engine/core/json.ts";
import type {
  Connection,
  Launch,
  Observation,
  Operator,
  OperatorDescriptor,
  SubmitContext,
  TaskFailure,
} from "../../../engine/core/operator.ts";
import { clientOf, type Purpose } from "../clients.ts";
import { settingsOf } from "../connection-settings.ts";
import { consoleLinks } from "../console-links.ts";
import { isNamed } from "../errors.ts";
import { launch, sendOptions, whileItMaySend } from "../launch.ts";
import { readResult, type Result } from "./result-rows.ts";
import { withValues } from "./statement-text.ts";
import { failureOf, STATUSES } from "./statuses.ts";
import { leastUsage, usageOf } from "./usage.ts";

export type QueryRef = JsonObject & { readonly query_execution_id: string };

interface QueryParams {
  readonly sql?: string | undefined;
  readonly file?: string | undefined;
  readonly values?: Readonly<Record<string, string | number>> | undefined;
  readonly database?: string | undefined;
  readonly output_location?: string | undefined;
}

/** What tells one Athena operator from another. */
interface Kind<P extends QueryParams, Ref extends QueryRef, Out> {
  readonly facts: Omit<OperatorDescriptor, "load" | "params"> & {
    readonly params: Operator<P>["params"];
    readonly launch: Launch;
  };
  /** What has to be known when the result is looked at: looking has no parameters. */
  ref(params: P, query_execution_id: string): Ref;
  judge(result: Result, ref: Ref): { readonly output: Out } | { readonly failure: TaskFailure };
}

/** BatchGetQueryExecution takes fifty ids a call. */
const MOST_IDS = 50;

/** Runs one statement in Athena; the launch key is its ClientRequestToken. */
export function athenaOperator<P extends QueryParams, Ref extends QueryRef, Out extends Json>(
  kind: Kind<P, Ref, Out>,
): Operator<P, Ref, Out> {
  return {
    ...kind.facts,
    batchSize: MOST_IDS,

    submit: (params, context) =>
      launch(
        () => request(params, context),
        async (input) => {
          const command = whileItMaySend(new StartQueryExecutionCommand(input), context);
          const client = athenaOf(context.connection, "submit");
          const { QueryExecutionId = "" } = await client.send(command, sendOptions(context));
          return kind.ref(params, QueryExecutionId);
        },
      ),

    async observe(jobs, signal) {
      const first = jobs[0];
      if (!first) return [];
      const client = athenaOf(first.context.connection, "look");
      const ids = [...new Set(jobs.map(({ ref }) => ref.query_execution_id))];
      const seen = await readQueries(client, ids, signal);
      return Promise.all(jobs.map(({ ref }) => look(kind, client, ref, seen.get(ref.query_execution_id), signal)));
    },

    async cancel({ query_execution_id }, { connection, signal }) {
      try {
        const stop = new StopQueryExecutionCommand({ QueryExecutionId: query_execution_id });
        await athenaOf(connection, "look").send(stop, { abortSignal: signal });
      } catch (error) {
        // Athena's answer for a query it does not know; one that has ended is stopped without a word.
        if (!isNamed(error, "InvalidRequestException")) throw error;
      }
    },

    estimate: leastUsage,

    links: ({ query_execution_id }, { connection }) =>
      consoleLinks(connection, "athena", [
        {
          label: "Athena query",
          path: `athena/home?region=${connection.region}#/query-editor/history/${query_execution_id}`,
        },
      ]),
  };
}

const athenaOf = (connection: Connection, purpose: Purpose): AthenaClient =>
  clientOf(connection, "athena", purpose, (config) => new AthenaClient(config));

async function request(params: QueryParams, context: SubmitContext) {
  const { athena } = settingsOf(context.connection);
  const sql = params.sql ?? new TextDecoder().decode(await context.file(params.file ?? ""));
  const OutputLocation = params.output_location ?? athena.output_location;
  return {
    QueryString: withValues(sql, params.values ?? {}),
    ClientRequestToken: context.launchKey,
    WorkGroup: athena.workgroup,
    QueryExecutionContext: { Database: params.database },
    // A workgroup may bring its own place for results.
    ...(OutputLocation === undefined ? {} : { ResultConfiguration: { OutputLocation } }),
  };
}

async function readQueries(
  client: AthenaClient,
  ids: string[],
  signal: AbortSignal,
): Promise<Map<string, QueryExecution>> {
  try {
    const read = new BatchGetQueryExecutionCommand({ QueryExecutionIds: ids });
    const { QueryExecutions = [] } = await client.send(read, { abortSignal: signal });
    return new Map(QueryExecutions.map((query) => [query.QueryExecutionId ?? "", query]));
  } catch (error) {
    if (!isNamed(error, "InvalidRequestException")) throw error;
    // One id that Athena does not know may refuse the whole list: then each is asked for alone.
    const each = ids.length > 1 ? await Promise.all(ids.map((id) => readQueries(client, [id], signal))) : [];
    return new Map(each.flatMap((found) => [...found]));
  }
}

async function look<P extends QueryParams, Ref extends QueryRef, Out>(
  kind: Kind<P, Ref, Out>,
  client: AthenaClient,
  ref: Ref,
  query: QueryExecution | undefined,
  signal: AbortSignal,
): Promise<Observation<Out>> {
  if (!query) return { kind: "unseen" };
  const state = (query.Status?.State ?? "") as string;
  const meaning = Object.hasOwn(STATUSES, state) ? STATUSES[state as keyof typeof STATUSES] : null;
  const usage = usageOf(query);
  switch (meaning) {
    case "running":
      return { kind: "running", detail: state, usage };
    case "failed":
    case "cancelled":
      return { kind: "failed", failure: failureOf(query.Status ?? {}), usage };
    case "succeeded": {
      const judged = kind.judge(await readResult(client, query, signal), ref);
      return "output" in judged
        ? { kind: "succeeded", output: judged.output, usage }
        : { kind: "failed", failure: judged.failure, usage };
    }
    case null: {
      const message = `Athena answered the state ${state}`;
      return { kind: "failed", failure: { class: "permanent", code: "UNKNOWN_STATUS", message }, usage };
    }
  }
}
