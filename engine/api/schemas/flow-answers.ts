import { z } from "zod";

const at = z.string().meta({ format: "date-time" });
const count = z.int();
const task = z.object({ dag_id: z.string(), task_id: z.string() });

export const AssetsAnswer = z
  .object({
    assets: z.array(
      z.object({
        name: z.string(),
        producing_tasks: z.array(task),
        scheduled_dags: z.array(
          z.object({
            dag_id: z.string(),
            on_assets: z.string(),
            updates: count.meta({ description: "Since the last run that assets triggered" }),
          }),
        ),
        last_asset_event: z.object({ timestamp: at }).nullable(),
      }),
    ),
    total_entries: count,
  })
  .meta({ id: "AssetCollectionResponse" });

export const AssetEventsAnswer = z
  .object({
    asset_events: z.array(
      z.object({
        id: z.string(),
        name: z.string(),
        timestamp: at,
        source_dag_id: z.string().nullable(),
        source_run_id: z.string().nullable(),
        source_task_id: z.string().nullable(),
        by: z.string(),
        extra: z.record(z.string(), z.unknown()),
      }),
    ),
    total_entries: count,
  })
  .meta({ id: "AssetEventCollectionResponse" });

export const EmittedAnswer = z
  .object({ asset: z.string(), timestamp: at, consumers: z.array(z.string()) })
  .meta({ id: "AssetEventCreated" });

export const ApprovalsAnswer = z
  .object({
    approvals: z.array(
      task.extend({
        dag_run_id: z.string(),
        map_index: count,
        try_number: count,
        message: z.string(),
        approvers: z.array(z.string()),
        asked_at: at,
        until: at.nullable(),
      }),
    ),
    total_entries: count,
  })
  .meta({ id: "ApprovalCollectionResponse" });

export const DecidedAnswer = z
  .object({
    run_id: z.string(),
    task_id: z.string(),
    map_index: count,
    decision: z.enum(["approved", "rejected"]),
    by: z.string(),
  })
  .meta({ id: "ApprovalDecided" });
