import { z } from "zod";
import { AUDIT_ORDERS, auditPage } from "../../store/read-models/audit.ts";
import { iso } from "../answers/run.ts";
import { visibleTo } from "../auth.ts";
import type { Api, ApiOptions } from "../options.ts";
import { refusals } from "../schemas/answers.ts";
import { instant, orderOf, paging } from "../schemas/queries.ts";

const EventLogsAnswer = z
  .object({
    event_logs: z.array(
      z.object({
        event_log_id: z.int(),
        when: z.string().meta({ format: "date-time" }),
        dag_id: z.string().nullable(),
        task_id: z.string().nullable(),
        run_id: z.string().nullable(),
        map_index: z.null(),
        try_number: z.null(),
        event: z.string(),
        logical_date: z.null(),
        owner: z.string(),
        extra: z.string().meta({ description: "JSON: from, asked, result" }),
        dag_display_name: z.string().nullable(),
        task_display_name: z.string().nullable(),
      }),
    ),
    total_entries: z.int(),
  })
  .meta({ id: "EventLogCollectionResponse" });

const Query = z.strictObject({
  ...paging(AUDIT_ORDERS),
  dag_id: z.string().optional(),
  run_id: z.string().optional(),
  task_id: z.string().optional(),
  event: z.string().optional(),
  owner: z.string().optional(),
  before: instant.optional(),
  after: instant.optional(),
});

/** The audit log in Airflow's words. */
export function eventLogRoutes(app: Api, { store }: ApiOptions): void {
  app.get(
    "/api/v2/eventLogs",
    {
      schema: {
        operationId: "get_event_logs",
        tags: ["Event Log"],
        summary: "The audit log: who asked for what, from where, and what became of it",
        querystring: Query,
        response: { 200: EventLogsAnswer, ...refusals(401, 422, 503) },
      },
    },
    async (request) => {
      const { query } = request;
      const { rows, total } = await auditPage(store, {
        limit: query.limit,
        offset: query.offset,
        orderBy: orderOf(query.order_by),
        visible: visibleTo(request),
        dagId: query.dag_id,
        run: query.run_id,
        taskId: query.task_id,
        action: query.event,
        by: query.owner,
        at: { gt: query.after, lt: query.before },
      });
      return {
        event_logs: rows.map((row) => ({
          event_log_id: Number(row.auditNo),
          when: iso(row.at),
          dag_id: row.dagId,
          task_id: row.taskId,
          run_id: row.dagRunId,
          map_index: null,
          try_number: null,
          event: row.action,
          logical_date: null,
          owner: row.by,
          extra: JSON.stringify({ from: row.from, asked: row.details, result: row.result }),
          dag_display_name: row.dagId,
          task_display_name: row.taskId,
        })),
        total_entries: total,
      };
    },
  );
}
