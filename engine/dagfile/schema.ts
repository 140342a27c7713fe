import { z } from "zod";
import { NOTIFY_EVENTS } from "../core/dag.ts";
import { onAssets } from "./asset-expression.ts";
import { scheduleInput } from "./schedule-input.ts";
import { address, count, id, json, money, names, positiveDuration, share, some, text } from "./schema-values.ts";
import { defaults, groups, tasks } from "./task-schema.ts";

/** What a DAG file may hold, key by key. Every key does something; an unknown one is a problem. */

const param = z.strictObject({
  type: z.enum(["string", "number", "integer", "boolean", "array", "object"]),
  default: json.optional(),
  description: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  enum: z.array(json).min(1).optional(),
});

const finishBy = text('a time such as "06:00" or "06:00+1d"', (value) => {
  const parts = /^([01]\d|2[0-3]):([0-5]\d)(?:\+(\d{1,2})d)?$/.exec(value);
  return parts && { hour: Number(parts[1]), minute: Number(parts[2]), days: Number(parts[3] ?? 0) };
});

const onConflict = z.enum(["queue", "cancel_running", "skip"]);
const concurrencyKey = z.union([
  z.strictObject({
    key: z.string().min(1).describe("A template over the run"),
    on_conflict: onConflict.optional().describe("What a run whose key is taken does; default queue"),
  }),
  z
    .string()
    .min(1)
    .transform((key) => ({ key, on_conflict: undefined })),
]);

export const dagSchema = z.strictObject({
  dag: id.describe("The DAG's id: its identity for good"),
  include: z.string().optional().describe("A file of keys that hold where this one says nothing, beside this file"),
  description: z.string().optional(),
  owner: z.string().optional(),
  tags: names.optional(),
  paused: z.boolean().optional(),
  schedule: scheduleInput.optional(),
  start_date: z.string().optional(),
  end_date: z.string().optional().describe("A date without a time includes that day"),
  max_active_runs: count.optional().describe("Runs side by side; default 16, with @continuous 1"),
  max_active_tasks: count.optional().describe("Tasks of one run at work at once; default 16"),
  max_consecutive_failed_runs: z
    .int()
    .min(0)
    .max(1_000_000)
    .optional()
    .describe("After so many failed runs in a row the DAG is paused; default 0: never"),
  run_timeout: positiveDuration.optional().describe("A run that takes longer is ended and has failed"),
  concurrency_key: concurrencyKey.optional().describe("Runs with the same key do not run side by side"),
  on_assets: onAssets.optional().describe("Assets whose change starts a run: all of a list, or joined by & and |"),
  backfill: z.strictObject({ max_active_runs: count.optional().describe("Default 4") }).optional(),
  params: z.record(z.string().regex(/^[A-Za-z_]\w*$/, "expected letters, digits and _ only"), param).optional(),
  defaults: defaults.optional().describe("For every task that does not say otherwise"),
  sla: z.array(z.strictObject({ name: z.string(), finish_by: finishBy })).optional(),
  budget: z
    .strictObject({
      per_run: money.describe("What a run may spend on remote work, in the currency of the prices: 25 USD"),
      warn_at: share.optional().describe("Share of per_run at which people are warned; default 80%"),
      on_exceeded: z
        .enum(["stop", "block", "warn"])
        .optional()
        .describe("stop: cancel what runs; block: let it finish, start nothing more; warn: only tell. Default block"),
    })
    .optional(),
  notify: some(
    z.strictObject({
      email: some(address, "address"),
      on: some(z.enum(NOTIFY_EVENTS), "event").describe("What these people are told of"),
    }),
    "rule",
  ).optional(),
  pools: z.record(z.string(), z.strictObject({ slots: count })).optional(),
  tasks: tasks.optional().describe("By task id"),
  groups: groups.optional().describe("Tasks that belong together: their ids are group.task"),
});

/** A DAG file's content, checked key by key. */
export type DagInput = z.output<typeof dagSchema>;
