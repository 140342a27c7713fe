import { z } from "zod";
import { RUN_STATES, RUN_TYPES, type RunType } from "../../core/states.ts";
import { RUN_ORDERS, oneRun, runPage } from "../../store/read-models/run-list.ts";
import { ApiError } from "../answer-error.ts";
import { runAnswer } from "../answers/run.ts";
import { visibleTo } from "../auth.ts";
import type { Api, ApiOptions } from "../options.ts";
import { RUN_TYPE_NAMES, RunAnswer, RunsAnswer, refusals } from "../schemas/answers.ts";
import { RUN_TIMES, many, oneOrAll, orderOf, paging, runTimesOf } from "../schemas/queries.ts";

const RunsQuery = z.strictObject({
  ...paging(RUN_ORDERS),
  ...RUN_TIMES,
  state: many(z.enum(RUN_STATES)),
  run_type: many(z.enum(RUN_TYPE_NAMES)),
});

export function dagRunRoutes(app: Api, { store }: ApiOptions): void {
  app.get(
    "/api/v2/dags/:dag_id/dagRuns",
    {
      schema: {
        operationId: "get_dag_runs",
        tags: ["DagRun"],
        summary: "Runs of a DAG, or with ~ of all; the oldest first",
        params: z.object({ dag_id: z.string() }),
        querystring: RunsQuery,
        response: { 200: RunsAnswer, ...refusals(401, 403, 422, 503) },
      },
    },
    async (request) => {
      const { query, params } = request;
      const { rows, total } = await runPage(store, {
        limit: query.limit,
        offset: query.offset,
        orderBy: orderOf(query.order_by),
        visible: visibleTo(request),
        dagId: oneOrAll(params.dag_id),
        states: query.state,
        runTypes: query.run_type?.filter((type): type is RunType => RUN_TYPES.some((known) => known === type)),
        ...runTimesOf(query),
      });
      return { dag_runs: rows.map(runAnswer), total_entries: total };
    },
  );

  app.get(
    "/api/v2/dags/:dag_id/dagRuns/:dag_run_id",
    {
      schema: {
        operationId: "get_dag_run",
        tags: ["DagRun"],
        summary: "One run",
        params: z.object({ dag_id: z.string(), dag_run_id: z.string() }),
        response: { 200: RunAnswer, ...refusals(401, 403, 404, 503) },
      },
    },
    async ({ params }) => {
      const run = await oneRun(store, params.dag_id, params.dag_run_id);
      if (run) return runAnswer(run);
      throw new ApiError(404, "RUN_NOT_FOUND", `${params.dag_id} has no run ${params.dag_run_id}`);
    },
  );
}
