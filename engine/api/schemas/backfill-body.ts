import { z } from "zod";
import type { JsonObject } from "../../core/json.ts";
import { instant } from "./queries.ts";

/** What a backfill may say: Airflow's keys, and `over_budget`. Dates are instants on the logical date, both inclusive. */
export const BackfillBody = z.strictObject({
  dag_id: z.string(),
  from_date: instant,
  to_date: instant,
  run_backwards: z.boolean().default(false),
  dag_run_conf: z
    .record(z.string(), z.unknown())
    .nullish()
    .transform((conf) => (conf ?? {}) as JsonObject),
  reprocess_behavior: z.enum(["none", "failed", "completed"]).default("none"),
  max_active_runs: z.int().min(1).default(10),
  run_on_latest_version: z
    .literal(true, "a backfill takes the latest version of its DAG: send true, or leave it out")
    .default(true),
  over_budget: z
    .boolean()
    .default(false)
    .meta({ description: "Begins although a run is expected to cost more than its budget" }),
});

export type BackfillBody = z.output<typeof BackfillBody>;
