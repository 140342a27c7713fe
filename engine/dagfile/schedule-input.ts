import { z } from "zod";
import { SCHEDULE_DEFAULTS, type ScheduleSpec } from "../core/dag.ts";
import { parseDuration } from "../core/duration.ts";
import { CRON_PRESETS, cronProblem } from "../core/schedule/cron.ts";
import { dayWall } from "../core/schedule/zone.ts";
import { positiveDuration, some, text, zone } from "./schema-values.ts";

/** Words that stand where a cron expression may stand, and are none. */
export const SCHEDULE_WORDS = ["@continuous", "@once", "none"] as const;
type ScheduleWord = (typeof SCHEDULE_WORDS)[number];

/** The key `schedule` of a DAG file, checked key by key; what its keys mean to each other: schedule-findings.ts. */
export interface ScheduleInput {
  /** Expressions and words as they stand in the file. */
  readonly cron?: readonly string[] | undefined;
  readonly every?: number | undefined;
  readonly timezone?: string | undefined;
  readonly mode?: ScheduleSpec["mode"] | undefined;
  readonly catchup?: ScheduleSpec["catchup"] | undefined;
  readonly jitter?: number | undefined;
  readonly skip_dates?: readonly string[] | undefined;
  readonly calendar?: "business_days" | undefined;
  /** It stands as text alone: `schedule: "@daily"`. */
  readonly isText: boolean;
}

/** One word of the list, if the schedule is nothing else. */
export function wordOf(input: ScheduleInput): ScheduleWord | null {
  return SCHEDULE_WORDS.find((word) => input.cron?.includes(word)) ?? null;
}

const LEAST_EVERY_MS = 1_000;

const expression = z.string().superRefine((value, context) => {
  const why = expressionProblem(value);
  if (why !== null) context.addIssue({ code: "custom", message: why });
});

function expressionProblem(value: string): string | null {
  if (SCHEDULE_WORDS.some((word) => word === value)) return null;
  if (value.startsWith("@") && !CRON_PRESETS.includes(value)) {
    return `expected a preset such as ${[...CRON_PRESETS, "@continuous", "@once"].join(", ")}, got ${JSON.stringify(value)}`;
  }
  const why = cronProblem(value);
  return why === null ? null : `${JSON.stringify(value)} is no cron schedule: ${why}`;
}

const every = text("a duration of at least 1s, such as 6h or 90m", (value) => {
  const ms = parseDuration(value);
  return ms === null || ms < LEAST_EVERY_MS ? null : ms;
});
const day = text("a day such as 2026-12-25", (value) => (dayWall(value) === null ? null : value));
const catchup = z.union([z.boolean(), positiveDuration.transform((windowMs) => ({ windowMs }))]);

const map = z.strictObject({
  cron: z
    .union([expression, some(expression, "expression")])
    .optional()
    .describe("Five fields or a preset; or several"),
  every: every.optional().describe("A run every so often, counted from start_date whatever the clocks do"),
  timezone: zone.optional().describe("The DAG's zone: dates without offset, ds and finish_by; default UTC"),
  mode: z
    .enum(["interval", "trigger"])
    .optional()
    .describe(
      "interval: a run covers the time since the last tick; trigger: its logical date is the tick. Default interval",
    ),
  catchup: catchup.optional().describe("false: only the latest complete interval; true: all; 2d: those of two days"),
  jitter: positiveDuration
    .optional()
    .describe("A run is due up to this long after its tick, always as long for one tick"),
  skip_dates: some(day, "day").optional().describe("Days on which no run is due"),
  calendar: z.enum(["business_days"]).optional().describe("No run is due on Saturdays and Sundays"),
});

/** `schedule:` as text (an expression, a preset, @continuous, @once, none) or as a map. */
export const scheduleInput = z.union([
  expression.transform((cron): ScheduleInput => ({ cron: [cron], isText: true })),
  map.transform((keys): ScheduleInput => ({
    ...keys,
    cron: keys.cron === undefined ? undefined : [keys.cron].flat(),
    isText: false,
  })),
]);

/** The schedule as the engine follows it; null: none. */
export function toScheduleSpec(input: ScheduleInput | undefined): ScheduleSpec | null {
  if (input === undefined || wordOf(input) === "none") return null;
  if (input.cron === undefined && input.every === undefined) return null;
  const word = wordOf(input);
  const isByCron = word === null && input.cron !== undefined;
  return {
    cron: isByCron ? (input.cron ?? []) : [],
    everyMs: input.cron === undefined ? (input.every ?? null) : null,
    isContinuous: word === "@continuous",
    isOnce: word === "@once",
    mode: input.mode ?? SCHEDULE_DEFAULTS.mode,
    timezone: input.timezone ?? "UTC",
    catchup: input.catchup ?? SCHEDULE_DEFAULTS.catchup,
    jitterMs: input.jitter ?? SCHEDULE_DEFAULTS.jitterMs,
    skipDates: input.skip_dates ?? SCHEDULE_DEFAULTS.skipDates,
    businessDays: input.calendar === "business_days",
  };
}
