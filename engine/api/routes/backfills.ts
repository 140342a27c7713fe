import { randomUUID } from "node:crypto";
import type { FastifyRequest } from "fastify";
import { z } from "zod";
import { daysOf } from "../../core/backfill/dates.ts";
import type { DagSpec } from "../../core/dag.ts";
import type { BackfillWish } from "../../core/records.ts";
import type { Store } from "../../store/open.ts";
import { backfillPreview } from "../../store/read-models/backfill-preview.ts";
import { BACKFILL_ORDERS, backfillPage, oneBackfill, type BackfillRow } from "../../store/read-models/backfills.ts";
import { oneDag } from "../../store/read-models/dag-list.ts";
import { ApiError, invalid } from "../answer-error.ts";
import { backfillAnswer, dryRunAnswer } from "../answers/backfill.ts";
import { allows, visibleTo } from "../auth.ts";
import { COMMAND_MS, carryOut, refusalOf } from "../carry-out.ts";
import type { Api, ApiOptions } from "../options.ts";
import { BackfillAnswer, BackfillsAnswer, DryRunAnswer, refusals } from "../schemas/answers.ts";
import { BackfillBody } from "../schemas/backfill-body.ts";
import { orderOf, paging } from "../schemas/queries.ts";
import { confMistakes } from "./trigger.ts";

const BackfillPath = z.object({ backfill_id: z.string().regex(/^\d{1,15}$/, "expected a whole number") });

const BackfillsQuery = z.strictObject({
  ...paging(BACKFILL_ORDERS),
  dag_id: z.string().optional(),
  active: z.stringbool().optional(),
});

export function backfillRoutes(app: Api, options: ApiOptions): void {
  const { store, commandTimeoutMs = COMMAND_MS } = options;
  // Longer than it waits for the writer, so that the answer says what became of the wish.
  const handlerTimeout = commandTimeoutMs * 2 + 5_000;
  app.get(
    "/api/v2/backfills",
    {
      schema: {
        operationId: "list_backfills",
        tags: ["Backfill"],
        summary: "Backfills, the newest first",
        querystring: BackfillsQuery,
        response: { 200: BackfillsAnswer, ...refusals(401, 422, 503) },
      },
    },
    async (request) => {
      const { limit, offset, order_by: order, dag_id: dagId, active } = request.query;
      const filter = { limit, offset, orderBy: orderOf(order), dagId: dagId === "~" ? undefined : dagId };
      const { rows, total } = await backfillPage(store, { ...filter, isActive: active, visible: visibleTo(request) });
      return { backfills: rows.map(backfillAnswer), total_entries: total };
    },
  );

  app.post(
    "/api/v2/backfills",
    {
      handlerTimeout,
      schema: {
        operationId: "create_backfill",
        tags: ["Backfill"],
        summary: "Makes a backfill and all of its runs",
        description: "Waits until the writer has made them; 503 says that nothing was done.",
        body: BackfillBody,
        response: { 200: BackfillAnswer, ...refusals(400, 401, 403, 404, 409, 413, 415, 422, 429, 503) },
      },
    },
    async (request) => {
      const wish = wishOf(await specFor(store, request, request.body), request.body);
      await carryOut(store, { kind: "backfill", backfill: wish, ...byOf(request) }, commandTimeoutMs);
      return backfillAnswer(await found(store, request, wish.backfillId));
    },
  );

  app.post(
    "/api/v2/backfills/dry_run",
    {
      schema: {
        operationId: "create_backfill_dry_run",
        tags: ["Backfill"],
        summary: "What a backfill would do; nothing is done",
        body: BackfillBody,
        response: { 200: DryRunAnswer, ...refusals(400, 401, 403, 404, 413, 415, 422, 503) },
      },
    },
    async (request) => {
      const spec = await specFor(store, request, request.body);
      const seen = await backfillPreview(store, spec, wishOf(spec, request.body), options.now());
      if ("code" in seen) throw refusalOf(seen);
      return dryRunAnswer(seen);
    },
  );

  app.get(
    "/api/v2/backfills/:backfill_id",
    {
      schema: {
        operationId: "get_backfill",
        tags: ["Backfill"],
        summary: "One backfill",
        params: BackfillPath,
        response: { 200: BackfillAnswer, ...refusals(401, 403, 404, 422, 503) },
      },
    },
    async (request) => backfillAnswer(await found(store, request, request.params.backfill_id)),
  );

  for (const [word, summary] of [
    ["pause", "Begins no more of its runs; those that run go on"],
    ["unpause", "Lets a paused backfill go on"],
    ["cancel", "Ends it: runs that wait have failed, those that run go on"],
  ] as const) {
    app.put(
      `/api/v2/backfills/:backfill_id/${word}`,
      {
        handlerTimeout,
        schema: {
          operationId: `${word}_backfill`,
          tags: ["Backfill"],
          summary,
          params: BackfillPath,
          response: { 200: BackfillAnswer, ...refusals(401, 403, 404, 409, 422, 429, 503) },
        },
      },
      async (request) => {
        const { backfillId } = await found(store, request, request.params.backfill_id);
        const by = byOf(request);
        const isPaused = word === "pause";
        const wish =
          word === "cancel"
            ? ({ kind: "cancel_backfill", backfillId, ...by } as const)
            : ({ kind: "pause_backfill", backfillId, isPaused, ...by } as const);
        await carryOut(store, wish, commandTimeoutMs);
        return backfillAnswer(await found(store, request, backfillId));
      },
    );
  }
}

const byOf = ({ caller, ip }: FastifyRequest) => ({ by: `rest_api:${caller?.id ?? ""}`, from: ip });

/** The DAG that a body names. Throws 403, 404, or 422 for what of its conf the DAG does not take. */
async function specFor(store: Store, request: FastifyRequest, body: BackfillBody): Promise<DagSpec> {
  const { dag_id: dagId, dag_run_conf: conf } = body;
  mayReach(request, dagId);
  const dag = await oneDag(store, dagId);
  if (!dag || dag.isStale) throw new ApiError(404, "DAG_NOT_FOUND", `there is no DAG ${dagId}`);
  const mistakes = confMistakes(dag.spec, conf, ["body", "dag_run_conf"]);
  if (mistakes.length > 0) throw invalid(mistakes);
  return dag.spec;
}

function wishOf(spec: DagSpec, body: BackfillBody): BackfillWish {
  const logical = { fromAt: body.from_date, toAt: body.to_date };
  return {
    backfillId: randomUUID(),
    dagId: spec.dagId,
    ...daysOf(spec, logical),
    logical,
    maxActiveRuns: body.max_active_runs,
    reprocess: body.reprocess_behavior,
    conf: body.dag_run_conf,
    runsBackwards: body.run_backwards,
    allowsOverBudget: body.over_budget,
  };
}

async function found(store: Store, request: FastifyRequest, name: string): Promise<BackfillRow> {
  const backfill = await oneBackfill(store, name);
  if (!backfill) throw new ApiError(404, "BACKFILL_NOT_FOUND", `there is no backfill ${name}`);
  mayReach(request, backfill.dagId);
  return backfill;
}

/** Throws 403 unless the caller's token reaches the DAG. */
function mayReach({ caller }: FastifyRequest, dagId: string): void {
  if (caller && allows(caller, dagId)) return;
  throw new ApiError(403, "FORBIDDEN", `the token ${caller?.id ?? ""} does not reach the DAG ${dagId}`);
}
