import { z } from "zod";
import type { JsonObject } from "../../core/json.ts";
import { listAssetEvents, listAssets } from "../../store/read-models/assets.ts";
import { ApiError } from "../answer-error.ts";
import { iso } from "../answers/run.ts";
import { allows } from "../auth.ts";
import { COMMAND_MS, carryOut } from "../carry-out.ts";
import type { Api, ApiOptions } from "../options.ts";
import { refusals } from "../schemas/answers.ts";
import { AssetEventsAnswer, AssetsAnswer, EmittedAnswer } from "../schemas/flow-answers.ts";

const EventsQuery = z.strictObject({
  asset: z.string().max(250).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
});

const EventBody = z.strictObject({
  asset: z.string().min(1).max(250),
  extra: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((extra) => (extra ?? {}) as JsonObject),
});

/** Assets: what brings them up to date, what waits for them, and a word from outside that one has changed. */
export function assetRoutes(app: Api, { store, commandTimeoutMs = COMMAND_MS }: ApiOptions): void {
  app.get(
    "/api/v2/assets",
    {
      schema: {
        operationId: "get_assets",
        tags: ["Asset"],
        summary: "Every asset that a DAG names",
        response: { 200: AssetsAnswer, ...refusals(401, 503) },
      },
    },
    async ({ caller }) => {
      const mayName = ({ dagId }: { readonly dagId: string }): boolean => caller !== null && allows(caller, dagId);
      const assets = (await listAssets(store)).filter(
        ({ producers, consumers }) => producers.some(mayName) || consumers.some(mayName),
      );
      return {
        assets: assets.map(({ name, producers, consumers, updatedAt }) => ({
          name,
          producing_tasks: producers.filter(mayName).map(({ dagId, taskId }) => ({ dag_id: dagId, task_id: taskId })),
          scheduled_dags: consumers
            .filter(mayName)
            .map(({ dagId, onAssets, updates }) => ({ dag_id: dagId, on_assets: onAssets, updates })),
          last_asset_event: updatedAt === null ? null : { timestamp: iso(updatedAt) },
        })),
        total_entries: assets.length,
      };
    },
  );

  app.get(
    "/api/v2/assets/events",
    {
      schema: {
        operationId: "get_asset_events",
        tags: ["Asset"],
        summary: "When assets were brought up to date, the newest first",
        querystring: EventsQuery,
        response: { 200: AssetEventsAnswer, ...refusals(401, 422, 503) },
      },
    },
    async ({ query, caller }) => {
      const mayName = ({ dagId }: { readonly dagId: string }): boolean => caller !== null && allows(caller, dagId);
      // What was said from outside is seen by who sees the asset.
      const seen = new Set(
        (await listAssets(store)).flatMap(({ name, producers, consumers }) =>
          producers.some(mayName) || consumers.some(mayName) ? [name] : [],
        ),
      );
      const events = (await listAssetEvents(store, query)).filter(({ dagId, asset }) =>
        dagId === null ? seen.has(asset) : mayName({ dagId }),
      );
      return {
        asset_events: events.map((event) => ({
          id: event.eventId,
          name: event.asset,
          timestamp: iso(event.at),
          source_dag_id: event.dagId,
          source_run_id: event.dagRunId,
          source_task_id: event.taskId,
          by: event.by,
          extra: event.extra,
        })),
        total_entries: events.length,
      };
    },
  );

  app.post(
    "/api/v2/assets/events",
    {
      // Longer than it waits for the writer, so that the answer says what became of the wish.
      handlerTimeout: commandTimeoutMs * 2 + 5_000,
      schema: {
        operationId: "create_asset_event",
        tags: ["Asset"],
        summary: "Says that an asset is up to date: the DAGs that wait for it run",
        body: EventBody,
        response: { 200: EmittedAnswer, ...refusals(400, 401, 403, 404, 413, 415, 422, 429, 503) },
      },
    },
    async ({ body, caller, ip }) => {
      const asset = (await listAssets(store)).find(({ name }) => name === body.asset);
      const unreached = asset?.consumers.find(({ dagId }) => caller !== null && !allows(caller, dagId));
      if (unreached) {
        const detail = `${body.asset} starts ${unreached.dagId}, which the token ${caller?.id} does not reach`;
        throw new ApiError(403, "FORBIDDEN", detail);
      }
      const by = `rest_api:${caller?.id ?? ""}`;
      const said = await carryOut(store, { kind: "emit_asset", ...body, by, from: ip }, commandTimeoutMs);
      return {
        asset: body.asset,
        timestamp: said["at"] as string,
        consumers: said["consumers"] as string[],
      };
    },
  );
}
