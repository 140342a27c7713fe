import { z } from "zod";
import { canonicalJson } from "../../core/canonical-json.ts";
import type { DagSpec } from "../../core/dag.ts";
import type { JsonObject } from "../../core/json.ts";
import type { DagVersion } from "../../core/records.ts";
import { manualInterval } from "../../core/schedule/manual-run.ts";
import { dagRunIdFor } from "../../core/schedule/runs.ts";
import { confMistakes as mistakesOf } from "../../dagfile/conf-mistakes.ts";
import { sha256 } from "../../dagfile/sha256.ts";
import { triggerRun, type TriggerOutcome, type TriggeredRun } from "../../store/trigger.ts";
import { ApiError, invalid, type FieldMistake } from "../answer-error.ts";
import { runAnswer } from "../answers/run.ts";
import type { Api, ApiOptions } from "../options.ts";
import { RunAnswer, refusals } from "../schemas/answers.ts";
import { IdempotencyHeaders, TriggerBody } from "../schemas/trigger-body.ts";
import { tooMany } from "../carry-out.ts";

export function triggerRoutes(app: Api, options: ApiOptions): void {
  const { store } = options;
  app.post(
    "/api/v2/dags/:dag_id/dagRuns",
    {
      schema: {
        operationId: "trigger_dag_run",
        tags: ["DagRun"],
        summary: "Triggers a run",
        description:
          "Durable before the answer, whether or not a writer lives. The same Idempotency-Key with the same body finds the same run, for 7 days.",
        params: z.object({ dag_id: z.string() }),
        headers: IdempotencyHeaders,
        body: TriggerBody,
        response: { 200: RunAnswer, ...refusals(400, 401, 403, 404, 409, 413, 415, 422, 429, 503) },
      },
    },
    async ({ params, body, headers, caller, ip }) => {
      const { dag_id: dagId } = params;
      const now = options.now();
      const runAfterAt = body.run_after ?? now;
      const key = headers["idempotency-key"];
      const request = {
        dagId,
        dagRunId: body.dag_run_id ?? dagRunIdFor("manual", body.logical_date ?? runAfterAt),
        isIdMade: body.dag_run_id === null,
        logicalAt: body.logical_date,
        idempotency: key === undefined ? null : { key, bodySha256: sha256(canonicalJson({ dagId, body })) },
      };
      const made = {
        runId: options.newRunId(now),
        runAfterAt,
        queuedAt: now,
        triggeredBy: `rest_api:${caller?.id ?? ""}`,
        from: ip,
      };
      const outcome = await triggerRun(store, request, (version) => plan(version, body, made));
      if (outcome.kind !== "triggered") throw refused(outcome, dagId);
      return runAnswer(outcome.run);
    },
  );
}

/** The run by the newest version of its DAG; or what of conf that version does not take. */
function plan(
  { spec }: DagVersion,
  body: TriggerBody,
  made: Pick<TriggeredRun, "runId" | "runAfterAt" | "queuedAt" | "triggeredBy" | "from">,
): { readonly run: TriggeredRun } | { readonly refusal: readonly FieldMistake[] } {
  const refusal = confMistakes(spec, body.conf);
  if (refusal.length > 0) return { refusal };
  const { data_interval_start: start, data_interval_end: end, logical_date: logicalAt, conf, note } = body;
  const interval =
    start === null || end === null
      ? manualInterval(spec, { logicalAt, runAfterAt: made.runAfterAt })
      : { startAt: start, endAt: end };
  return { run: { ...made, intervalStartAt: interval.startAt, intervalEndAt: interval.endAt, conf, note } };
}

/** What of a conf the DAG's params do not take; `place`: where it stands in the request. */
export function confMistakes(
  spec: DagSpec,
  conf: JsonObject,
  place: FieldMistake["loc"] = ["body", "conf"],
): FieldMistake[] {
  return mistakesOf(spec, conf).map(({ name, message, isUnknown }) => ({
    loc: [...place, name],
    msg: message,
    type: isUnknown ? "extra_forbidden" : "value_error",
  }));
}

function refused(
  outcome: Exclude<TriggerOutcome<readonly FieldMistake[]>, { readonly kind: "triggered" }>,
  dagId: string,
): ApiError {
  switch (outcome.kind) {
    case "refused":
      return invalid(outcome.refusal);
    case "no_dag":
      return new ApiError(404, "DAG_NOT_FOUND", `there is no DAG ${dagId}`);
    case "exists":
      return new ApiError(409, "RUN_EXISTS", `${dagId} has a run of this id or logical date: ${outcome.dagRunId}`);
    case "mismatch":
      return new ApiError(422, "IDEMPOTENCY_MISMATCH", "this Idempotency-Key was used for another request");
    case "full":
      return tooMany();
  }
}
