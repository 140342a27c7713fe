import { z } from "zod";
import { TASK_STATES } from "../../core/states.ts";
import { oneRun } from "../../store/read-models/run-list.ts";
import { TASK_ORDERS, taskPage } from "../../store/read-models/task-instances.ts";
import { ApiError } from "../answer-error.ts";
import { taskInstanceAnswer } from "../answers/task-instance.ts";
import { visibleTo } from "../auth.ts";
import type { Api, ApiOptions } from "../options.ts";
import { TaskInstanceAnswer, TaskInstancesAnswer, refusals } from "../schemas/answers.ts";
import { RUN_TIMES, many, oneOrAll, orderOf, paging, runTimesOf } from "../schemas/queries.ts";

const TasksQuery = z.strictObject({
  ...paging(TASK_ORDERS),
  ...RUN_TIMES,
  task_id: z.string().optional(),
  /** Airflow says both for "not planned yet". */
  state: many(z.enum([...TASK_STATES, "null"])),
});

const ofRun = { dag_id: z.string(), dag_run_id: z.string() };

export function taskInstanceRoutes(app: Api, { store }: ApiOptions): void {
  app.get(
    "/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances",
    {
      schema: {
        operationId: "get_task_instances",
        tags: ["Task Instance"],
        summary: "Task instances of a run, or with ~ of all; a run has none before it starts",
        params: z.object(ofRun),
        querystring: TasksQuery,
        response: { 200: TaskInstancesAnswer, ...refusals(401, 403, 404, 422, 503) },
      },
    },
    async (request) => {
      const { query, params } = request;
      const [dagId, dagRunId] = [oneOrAll(params.dag_id), oneOrAll(params.dag_run_id)];
      const { rows, total } = await taskPage(store, {
        limit: query.limit,
        offset: query.offset,
        orderBy: orderOf(query.order_by),
        visible: visibleTo(request),
        dagId,
        dagRunId,
        taskId: query.task_id,
        states: query.state?.map((state) => (state === "null" ? "none" : state)),
        ...runTimesOf(query),
      });
      if (total === 0 && dagId !== undefined && dagRunId !== undefined && !(await oneRun(store, dagId, dagRunId))) {
        throw new ApiError(404, "RUN_NOT_FOUND", `${dagId} has no run ${dagRunId}`);
      }
      return { task_instances: rows.map(taskInstanceAnswer), total_entries: total };
    },
  );

  for (const path of ["", "/:map_index"] as const) {
    app.get(
      `/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id${path}`,
      {
        schema: {
          operationId: path === "" ? "get_task_instance" : "get_mapped_task_instance",
          tags: ["Task Instance"],
          summary: path === "" ? "One task instance" : "One instance of a mapped task",
          params: z.object({ ...ofRun, task_id: z.string(), map_index: z.coerce.number().int().min(-1).default(-1) }),
          response: { 200: TaskInstanceAnswer, ...refusals(401, 403, 404, 422, 503) },
        },
      },
      async (request) => {
        const { dag_id: dagId, dag_run_id: dagRunId, task_id: taskId, map_index: mapIndex } = request.params;
        const one = { limit: 1, offset: 0, orderBy: [], visible: visibleTo(request) };
        const { rows } = await taskPage(store, { ...one, dagId, dagRunId, taskId, mapIndex });
        const [row] = rows;
        if (row) return taskInstanceAnswer(row);
        throw new ApiError(404, "NOT_FOUND", `the run ${dagRunId} of ${dagId} has no task instance ${taskId}`);
      },
    );
  }
}
