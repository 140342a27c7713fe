import { z } from "zod";
import { parseDuration } from "../../engine/core/duration.ts";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";
import { parseInstant } from "../../engine/core/schedule/zone.ts";

const AT = 'expected a time of day such as "06:00" or "06:00+1d", or an instant such as 2026-01-31T06:00:00Z';
const CLOCK = /^([01]\d|2[0-3]):([0-5]\d)(?:\+(\d)d)?$/;

/** "06:00+1d" as parts; null: it is no time of day. */
export function timeOfDay(
  text: string,
): { readonly hour: number; readonly minute: number; readonly days: number } | null {
  const [, hour, minute, days = "0"] = CLOCK.exec(text) ?? [];
  return hour === undefined ? null : { hour: Number(hour), minute: Number(minute), days: Number(days) };
}

const at = z.string().refine((text) => timeOfDay(text) !== null || parseInstant(text, "UTC") !== null, AT);
const after = z.string().refine((text) => parseDuration(text) !== null, "expected a duration such as 30m, 2h or 1d");

export const waitUntilFacts = {
  type: "wait.until",
  summary: "Waits for a moment: a time of day, an instant, or some time after the data interval or its own start",
  params: z
    .strictObject({
      at: at.optional().describe("a time of day or an instant, in the DAG's zone unless it has an offset"),
      after: after.optional().describe("how long; instead of at"),
      since: z
        .enum(["data_interval_end", "task_start"])
        .default("data_interval_end")
        .describe("where after counts from"),
    })
    .refine(
      ({ at: moment, after: long }) => (moment === undefined) !== (long === undefined),
      "expected at or after, one of the two",
    ),
  launch: { kind: "sensor" },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type WaitUntilParams = z.infer<typeof waitUntilFacts.params>;
