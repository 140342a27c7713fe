import { z } from "zod";
import { dagPage, oneDag } from "../../store/read-models/dag-list.ts";
import type { Store } from "../../store/open.ts";
import { ApiError } from "../answer-error.ts";
import { dagAnswer } from "../answers/dag.ts";
import { visibleTo } from "../auth.ts";
import { COMMAND_MS, carryOut } from "../carry-out.ts";
import type { Api, ApiOptions } from "../options.ts";
import { DagAnswer, DagsAnswer, refusals } from "../schemas/answers.ts";
import { many, orderOf, paging } from "../schemas/queries.ts";

const DagPath = z.object({ dag_id: z.string() });

const DagsQuery = z.strictObject({
  ...paging(["dag_id"]),
  dag_id_pattern: z.string().max(250).optional(),
  paused: z.stringbool().optional(),
  tags: many(z.string()),
  tags_match_mode: z.enum(["any", "all"]).default("any"),
  owners: many(z.string()),
  exclude_stale: z.stringbool().default(true),
});

export function dagRoutes(app: Api, { store, commandTimeoutMs = COMMAND_MS }: ApiOptions): void {
  app.get(
    "/api/v2/dags",
    {
      schema: {
        operationId: "get_dags",
        tags: ["DAG"],
        summary: "DAGs, by id",
        querystring: DagsQuery,
        response: { 200: DagsAnswer, ...refusals(401, 422, 503) },
      },
    },
    async (request) => {
      const { query } = request;
      const { rows, total } = await dagPage(store, {
        ...query,
        visible: visibleTo(request),
        orderBy: orderOf(query.order_by),
        dagIdPattern: query.dag_id_pattern === "~" ? undefined : query.dag_id_pattern,
        isPaused: query.paused,
        isAnyTagEnough: query.tags_match_mode === "any",
        withStale: !query.exclude_stale,
      });
      return { dags: rows.map(dagAnswer), total_entries: total };
    },
  );

  app.get(
    "/api/v2/dags/:dag_id",
    {
      schema: {
        operationId: "get_dag",
        tags: ["DAG"],
        summary: "One DAG",
        params: DagPath,
        response: { 200: DagAnswer, ...refusals(401, 403, 404, 503) },
      },
    },
    async ({ params }) => dagAnswer(await dagOf(store, params.dag_id)),
  );

  app.patch(
    "/api/v2/dags/:dag_id",
    {
      // Longer than it waits for the writer, so that the answer says what became of the wish.
      handlerTimeout: commandTimeoutMs * 2 + 5_000,
      schema: {
        operationId: "patch_dag",
        tags: ["DAG"],
        summary: "Pauses a DAG or lets it run again",
        params: DagPath,
        querystring: z.strictObject({ update_mask: many(z.literal("is_paused")) }),
        body: z.strictObject({ is_paused: z.boolean() }),
        response: { 200: DagAnswer, ...refusals(400, 401, 403, 404, 413, 415, 422, 429, 503) },
      },
    },
    async ({ params, body, caller, ip }) => {
      await dagOf(store, params.dag_id);
      const by = `rest_api:${caller?.id ?? ""}`;
      const wish = { kind: "pause_dag", dagId: params.dag_id, isPaused: body.is_paused, by, from: ip } as const;
      await carryOut(store, wish, commandTimeoutMs);
      return dagAnswer(await dagOf(store, params.dag_id));
    },
  );
}

async function dagOf(store: Store, dagId: string) {
  const dag = await oneDag(store, dagId);
  if (dag) return dag;
  throw new ApiError(404, "DAG_NOT_FOUND", `there is no DAG ${dagId}`);
}
