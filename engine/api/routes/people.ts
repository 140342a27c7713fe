import type { FastifyRequest } from "fastify";
import { z } from "zod";
import type { PeopleBody, TaskWish } from "../../core/commands.ts";
import type { Store } from "../../store/open.ts";
import { peoplePreview, type Meant } from "../../store/read-models/people-preview.ts";
import { oneRun } from "../../store/read-models/run-list.ts";
import { taskPage, type TaskInstanceRow } from "../../store/read-models/task-instances.ts";
import { ApiError } from "../answer-error.ts";
import { runAnswer } from "../answers/run.ts";
import { taskInstanceAnswer } from "../answers/task-instance.ts";
import { COMMAND_MS, carryOut, refusalOf } from "../carry-out.ts";
import type { Api, ApiOptions } from "../options.ts";
import { RunAnswer, TaskInstancesAnswer, refusals } from "../schemas/answers.ts";
import { ClearBody, ClearRunBody, PatchRunBody, PatchTaskBody } from "../schemas/people-bodies.ts";
import { many } from "../schemas/queries.ts";

const ofRun = { dag_id: z.string(), dag_run_id: z.string() };
const REFUSED = refusals(400, 401, 403, 404, 409, 413, 415, 422, 429, 503);
const MOST_TASKS = 1_000;
const TaskMask = z.strictObject({ update_mask: many(z.enum(["new_state", "note"])) });
const RunMask = z.strictObject({ update_mask: many(z.enum(["state", "note"])) });

/** What people do to runs and task instances, in Airflow's words: clear, mark, note. */
export function peopleRoutes(app: Api, { store, commandTimeoutMs = COMMAND_MS }: ApiOptions): void {
  // Longer than it waits for the writer, so that the answer says what became of the wish.
  const handlerTimeout = commandTimeoutMs * 2 + 5_000;
  const ask = (request: FastifyRequest, body: PeopleBody) =>
    carryOut(store, { ...body, by: `rest_api:${request.caller?.id ?? ""}`, from: request.ip }, commandTimeoutMs);

  app.post(
    "/api/v2/dags/:dag_id/clearTaskInstances",
    {
      handlerTimeout,
      schema: {
        operationId: "post_clear_task_instances",
        tags: ["Task Instance"],
        summary: "Begins task instances anew; with dry_run, the default, only says which",
        params: z.object({ dag_id: z.string() }),
        body: ClearBody,
        response: { 200: TaskInstancesAnswer, ...REFUSED },
      },
    },
    async (request) => {
      const { body, params } = request;
      const { runId } = await runOf(store, params.dag_id, body.dag_run_id);
      const wish = { ...wishOf(body), onlyFailed: body.only_failed, onlyRunning: body.only_running };
      return clear(request, params.dag_id, runId, wish, body);
    },
  );

  app.post(
    "/api/v2/dags/:dag_id/dagRuns/:dag_run_id/clear",
    {
      handlerTimeout,
      schema: {
        operationId: "clear_dag_run",
        tags: ["DagRun"],
        summary: "Begins a run anew; with dry_run, the default, only says which task instances",
        params: z.object(ofRun),
        body: ClearRunBody,
        response: { 200: z.union([TaskInstancesAnswer, RunAnswer]), ...REFUSED },
      },
    },
    async (request) => {
      const { body, params } = request;
      const { runId } = await runOf(store, params.dag_id, params.dag_run_id);
      const cleared = await clear(request, params.dag_id, runId, { tasks: null, onlyFailed: body.only_failed }, body);
      return body.dry_run ? cleared : runAnswer(await runOf(store, params.dag_id, params.dag_run_id));
    },
  );

  async function clear(
    request: FastifyRequest,
    dagId: string,
    runId: string,
    wish: TaskWish,
    how: {
      readonly dry_run: boolean;
      readonly run_on_latest_version: boolean;
      readonly prevent_running_task?: boolean;
    },
  ) {
    const onLatest = how.run_on_latest_version;
    const preview = await peoplePreview(store, runId, wish, { clears: true, onLatest });
    if ("code" in preview) throw refusalOf(preview);
    const running = preview.tasks.find(({ state }) => state === "running" || state === "queued");
    if (how.prevent_running_task && running) {
      throw new ApiError(
        409,
        "ACTION_REFUSED",
        `${running.taskId} is ${running.state}, and prevent_running_task is set`,
      );
    }
    // As in Airflow, a clear that nothing fits is an empty list.
    if (!how.dry_run && preview.tasks.length > 0) await ask(request, { kind: "clear_tasks", runId, wish, onLatest });
    return instances(store, dagId, preview.tasks);
  }

  for (const path of ["", "/:map_index"] as const) {
    app.patch(
      `/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id${path}`,
      {
        handlerTimeout,
        schema: {
          operationId: path === "" ? "patch_task_instance" : "patch_task_instance_by_map_index",
          tags: ["Task Instance"],
          summary: "Marks a task instance success, failed or skipped, or writes its note",
          params: z.object({ ...ofRun, task_id: z.string(), map_index: z.coerce.number().int().min(-1).default(-1) }),
          querystring: TaskMask,
          body: PatchTaskBody,
          response: { 200: TaskInstancesAnswer, ...REFUSED },
        },
      },
      async (request) => {
        const { body, params } = request;
        const { dag_id: dagId, task_id: taskId, map_index: mapIndex } = params;
        const { runId } = await runOf(store, dagId, params.dag_run_id);
        const wish = { ...wishOf(body), tasks: [{ task: taskId, mapIndex: mapIndex < 0 ? null : mapIndex }] };
        const preview = await peoplePreview(store, runId, wish, { clears: false });
        if ("code" in preview) throw refusalOf(preview);
        const { new_state: state, note } = masked(body, request.query.update_mask);
        if (state) await ask(request, { kind: "mark_tasks", runId, wish, state });
        if (note !== undefined) await ask(request, { kind: "note_task", runId, taskId, mapIndex, note });
        return instances(store, dagId, preview.tasks);
      },
    );
  }

  app.patch(
    "/api/v2/dags/:dag_id/dagRuns/:dag_run_id",
    {
      handlerTimeout,
      schema: {
        operationId: "patch_dag_run",
        tags: ["DagRun"],
        summary: "Marks a run success or failed, begins it anew (queued), or writes its note",
        params: z.object(ofRun),
        querystring: RunMask,
        body: PatchRunBody,
        response: { 200: RunAnswer, ...REFUSED },
      },
    },
    async (request) => {
      const { body, params } = request;
      const { runId } = await runOf(store, params.dag_id, params.dag_run_id);
      const { state, note } = masked(body, request.query.update_mask);
      if (state === "queued") await ask(request, { kind: "clear_tasks", runId, wish: { tasks: null } });
      else if (state) await ask(request, { kind: "mark_run", runId, state });
      if (note !== undefined) await ask(request, { kind: "note_run", runId, note });
      return runAnswer(await runOf(store, params.dag_id, params.dag_run_id));
    },
  );
}

/** What of a body a mask names; all of it without one. */
const masked = <Body extends object>(body: Body, mask: readonly string[] | undefined): Partial<Body> =>
  mask === undefined || mask.length === 0
    ? body
    : (Object.fromEntries(Object.entries(body).filter(([key]) => mask.includes(key))) as Partial<Body>);

const wishOf = (body: z.output<typeof PatchTaskBody> | ClearBody): TaskWish => ({
  tasks:
    "task_ids" in body && body.task_ids !== null
      ? body.task_ids.map((id) =>
          typeof id === "string" ? { task: id, mapIndex: null } : { task: id[0], mapIndex: id[1] < 0 ? null : id[1] },
        )
      : null,
  withUpstream: body.include_upstream,
  withDownstream: body.include_downstream,
  past: body.include_past,
  future: body.include_future,
});

async function runOf(store: Store, dagId: string, dagRunId: string) {
  const run = await oneRun(store, dagId, dagRunId);
  if (run) return run;
  throw new ApiError(404, "RUN_NOT_FOUND", `${dagId} has no run ${dagRunId}`);
}

/** These task instances as they are now; of many the first. */
async function instances(store: Store, dagId: string, meant: readonly Meant[]) {
  const keyOf = (row: Pick<TaskInstanceRow, "dagRunId" | "taskId" | "mapIndex">): string =>
    JSON.stringify([row.dagRunId, row.taskId, row.mapIndex]);
  const wanted = new Set(meant.map(keyOf));
  const rows: TaskInstanceRow[] = [];
  for (const dagRunId of new Set(meant.map((each) => each.dagRunId))) {
    if (rows.length >= MOST_TASKS) break;
    const page = await taskPage(store, { limit: 10_000, offset: 0, orderBy: [], visible: ["*"], dagId, dagRunId });
    rows.push(...page.rows.filter((row) => wanted.has(keyOf(row))));
  }
  return { task_instances: rows.slice(0, MOST_TASKS).map(taskInstanceAnswer), total_entries: wanted.size };
}
