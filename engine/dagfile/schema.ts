import { z } from "zod";
import { NOTIFY_EVENTS, TRIGGER_RULES } from "../core/dag.ts";
import { cronProblem } from "../core/schedule/cron.ts";
import {
  address,
  count,
  duration,
  id,
  money,
  names,
  positiveDuration,
  share,
  some,
  text,
  zone,
} from "./schema-values.ts";

/** What a DAG file may hold, key by key. Every key does something; an unknown one is a problem. */

const cron = z.string().superRefine((value, context) => {
  const why = cronProblem(value);
  if (why !== null)
    context.addIssue({ code: "custom", message: `${JSON.stringify(value)} is no cron schedule: ${why}` });
});

const aws = z.strictObject({
  connection: z.string().optional().describe("A connection of nocturne.yaml"),
  region: z.string().optional(),
});

const repeated = {
  retries: z.int().min(0).optional().describe("Attempts after the first; default 0"),
  retry_delay: duration.optional().describe("Default 5m"),
  retry_backoff: z.number().min(1).optional().describe("Each further delay is this many times longer; default 1"),
  max_retry_delay: positiveDuration.optional().describe("Default 1d"),
  timeout: positiveDuration.optional().describe("Per attempt; cancels the remote job"),
  pool: z.string().optional(),
  priority: z.int().optional().describe("Higher starts first; default 1"),
  aws: aws.optional(),
};

const task = z.strictObject({
  operator: z.string().describe("The kind of work"),
  with: z
    .record(z.string(), z.unknown())
    .optional()
    .describe("The operator's parameters; templates may stand anywhere"),
  depends_on: names.optional(),
  setup_for: names.optional().describe("Tasks that need what this one sets up: they depend on it"),
  teardown_of: names.optional().describe("Setups this task tears down, whatever happens in between"),
  fails_run: z.boolean().optional().describe("On a teardown: its failure fails the run"),
  trigger_rule: z.enum(TRIGGER_RULES).optional(),
  ...repeated,
  pool_slots: count.optional(),
  on_doubt: z.enum(["fail", "resend"]).optional().describe("When nobody can tell whether the launch arrived"),
});

const param = z.strictObject({
  type: z.enum(["string", "number", "integer", "boolean"]),
  default: z.json().optional(),
  description: z.string().optional(),
  minimum: z.number().optional(),
  maximum: z.number().optional(),
  enum: z.array(z.json()).min(1).optional(),
});

const finishBy = text('a time such as "06:00" or "06:00+1d"', (value) => {
  const parts = /^([01]\d|2[0-3]):([0-5]\d)(?:\+(\d{1,2})d)?$/.exec(value);
  return parts && { hour: Number(parts[1]), minute: Number(parts[2]), days: Number(parts[3] ?? 0) };
});

const catchup = z.union([z.boolean(), positiveDuration.transform((windowMs) => ({ windowMs }))]);

export const dagSchema = z.strictObject({
  dag: id.describe("The DAG's id: its identity for good"),
  description: z.string().optional(),
  owner: z.string().optional(),
  tags: names.optional(),
  paused: z.boolean().optional(),
  schedule: z
    .strictObject({
      cron: z.union([cron, z.array(cron).min(1)]).optional(),
      timezone: zone.optional().describe("The DAG's zone: dates without offset, ds and finish_by; default UTC"),
      catchup: catchup
        .optional()
        .describe("false: only the latest complete interval; true: all; 2d: those of two days"),
    })
    .optional(),
  start_date: z.string().optional(),
  end_date: z.string().optional().describe("A date without a time includes that day"),
  max_active_runs: count.optional().describe("Default 16"),
  backfill: z.strictObject({ max_active_runs: count.optional().describe("Default 4") }).optional(),
  params: z.record(z.string().regex(/^[A-Za-z_]\w*$/, "expected letters, digits and _ only"), param).optional(),
  defaults: z.strictObject(repeated).optional().describe("For every task that does not say otherwise"),
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
  tasks: z.record(id, task).refine((tasks) => Object.keys(tasks).length > 0, "expected at least one task"),
});

/** A DAG file's content, checked key by key. */
export type DagInput = z.output<typeof dagSchema>;
export type TaskInput = DagInput["tasks"][string];
