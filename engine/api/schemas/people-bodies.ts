import { z } from "zod";
import { RUN_STATES } from "../../core/states.ts";

const flag = z.boolean().default(false);
const note = z.string().max(1_000).nullable().optional();
const RELATIVES = {
  include_upstream: flag,
  include_downstream: flag,
  include_future: flag,
  include_past: flag,
};

/** Airflow's clear of task instances: nothing is done unless `dry_run` is false. */
export const ClearBody = z.strictObject({
  dry_run: z.boolean().default(true),
  dag_run_id: z.string({ error: "name the run: ranges of dates are run again by POST /api/v2/backfills" }),
  task_ids: z
    .array(z.union([z.string(), z.tuple([z.string(), z.int().min(-1)])]))
    .nullish()
    .transform((ids) => ids ?? null),
  ...RELATIVES,
  only_failed: z.boolean().default(true),
  only_running: flag,
  reset_dag_runs: z.literal(true, "a run whose tasks are cleared always goes on: leave it out").default(true),
  run_on_latest_version: flag,
  prevent_running_task: flag,
  start_date: z.null("ranges of dates are run again by POST /api/v2/backfills").optional(),
  end_date: z.null("ranges of dates are run again by POST /api/v2/backfills").optional(),
});
export type ClearBody = z.output<typeof ClearBody>;

export const ClearRunBody = z.strictObject({
  dry_run: z.boolean().default(true),
  only_failed: flag,
  only_new: z.literal(false, "only_new is not supported: leave it out").default(false),
  run_on_latest_version: flag,
});

export const PatchTaskBody = z.strictObject({
  new_state: z.enum(["success", "failed", "skipped"]).nullish(),
  note,
  ...RELATIVES,
});

export const PatchRunBody = z.strictObject({
  state: z.enum(RUN_STATES).exclude(["running"]).nullish(),
  note,
});
