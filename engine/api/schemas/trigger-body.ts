import { z } from "zod";
import type { JsonObject } from "../../core/json.ts";
import { instant } from "./queries.ts";

const optionalInstant = instant.nullish().transform((at) => at ?? null);

/** The engine makes these from a run's date: one that is taken by another run would stand in its way. */
const RESERVED = /^(scheduled|backfill|asset_triggered|triggered)__/;

/** What a trigger may say: Airflow's keys and no others. Absent and null mean the same. */
export const TriggerBody = z
  .strictObject({
    dag_run_id: z
      .string()
      .max(250)
      .regex(/^[A-Za-z0-9_.~:+-]+$/, "expected letters, digits and _ . ~ : + - only")
      .refine(
        (id) => !RESERVED.test(id),
        "ids that begin with scheduled__, backfill__, asset_triggered__ or triggered__ are the engine's own",
      )
      .nullish()
      .transform((id) => id ?? null),
    logical_date: optionalInstant,
    data_interval_start: optionalInstant,
    data_interval_end: optionalInstant,
    run_after: optionalInstant,
    conf: z
      .record(z.string(), z.unknown())
      .nullish()
      .transform((conf) => (conf ?? {}) as JsonObject),
    note: z
      .string()
      .max(1_000)
      .nullish()
      .transform((note) => note ?? null),
    partition_key: z
      .null("partitions are not supported: leave partition_key out")
      .optional()
      .transform(() => null),
  })
  .superRefine((body, context) => {
    const { data_interval_start: start, data_interval_end: end } = body;
    if ((start === null) !== (end === null)) {
      const path = [start === null ? "data_interval_start" : "data_interval_end"];
      context.addIssue({ code: "custom", path, message: "both ends of the data interval are needed, or neither" });
    } else if (start !== null && end !== null && start > end) {
      context.addIssue({
        code: "custom",
        path: ["data_interval_end"],
        message: "the data interval ends before it starts",
      });
    }
  });

export type TriggerBody = z.output<typeof TriggerBody>;

/** A key made by the client: the same one again means the same request. */
export const IdempotencyHeaders = z.looseObject({
  "idempotency-key": z
    .string()
    .regex(/^[\x21-\x7e]{1,255}$/, "expected 1 to 255 visible ASCII characters")
    .optional(),
});
