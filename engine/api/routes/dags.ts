import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";
import type { CommandResult } from "../../core/records.ts";
import { commandResult, enqueue, withdraw } from "../../store/inbox.ts";
import { dagPage, oneDag } from "../../store/read-models/dag-list.ts";
import { storeHealth } from "../../store/read-models/health.ts";
import type { Store } from "../../store/open.ts";
import { MOST_PENDING } from "../../store/trigger.ts";
import { ApiError, unavailable } from "../answer-error.ts";
import { dagAnswer } from "../answers/dag.ts";
import { visibleTo } from "../auth.ts";
import type { Api, ApiOptions } from "../options.ts";
import { DagAnswer, DagsAnswer, refusals } from "../schemas/answers.ts";
import { many, orderOf, paging } from "../schemas/queries.ts";

const LOOK_MS = 20;
const COMMAND_MS = 5_000;

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
    async ({ params, body, caller }) => {
      await dagOf(store, params.dag_id);
      const { pendingCommands } = await storeHealth(store);
      if (pendingCommands >= MOST_PENDING) throw tooMany();
      const by = `rest_api:${caller?.id ?? ""}`;
      const wish = { kind: "pause_dag", dagId: params.dag_id, isPaused: body.is_paused, by } as const;
      const result = await carriedOut(store, await enqueue(store, wish), commandTimeoutMs);
      if (result === null) throw unavailable("nobody carried it out in time, and nothing was done: no writer lives");
      if (!result.ok) throw new ApiError(result.code === "DAG_NOT_FOUND" ? 404 : 500, result.code, result.message);
      return dagAnswer(await dagOf(store, params.dag_id));
    },
  );
}

export const tooMany = (): ApiError =>
  new ApiError(429, "TOO_MANY_REQUESTS", `${MOST_PENDING} wishes wait for the writer already`, { "retry-after": "10" });

async function dagOf(store: Store, dagId: string) {
  const dag = await oneDag(store, dagId);
  if (dag) return dag;
  throw new ApiError(404, "DAG_NOT_FOUND", `there is no DAG ${dagId}`);
}

/** The command's result. null: it was withdrawn in time, and nothing of it was or will be done (protocol rule 30). */
async function carriedOut(store: Store, id: string, waitMs: number): Promise<CommandResult | null> {
  const until = performance.now() + waitMs;
  while (performance.now() < until) {
    const result = await commandResult(store, id);
    if (result) return result;
    await delay(LOOK_MS);
  }
  if (await withdraw(store, id)) return null;
  for (;;) {
    const result = await commandResult(store, id);
    if (result) return result;
    await delay(LOOK_MS);
  }
}
