import { z } from "zod";
import { moneyMistake, parseMoney, parseShare } from "../core/budget/money.ts";
import { NOTIFY_EVENTS, TRIGGER_RULES } from "../core/dag.ts";
import { parseDuration } from "../core/duration.ts";
import { cronProblem } from "../core/schedule/cron.ts";
import { isZone } from "../core/schedule/zone.ts";

/** What a DAG file may hold, key by key. Every key does something; an unknown one is a problem. */

/** A string that `read` turns into a value, or refuses with "expected …". */
const text = <T>(expected: string, read: (text: string) => T | null) =>
  z.string().transform((value, context): T => {
    const result = read(value);
    if (result !== null) return result;
    context.addIssue({ code: "custom", message: `expected ${expected}, got ${JSON.stringify(value)}` });
    return z.NEVER;
  });

const duration = text("a duration such as 90s, 5m, 2h, 1d or PT1H30M", parseDuration);
const positiveDuration = text("a duration above zero, such as 90s, 5m or 2h", (value) => parseDuration(value) || null);
const zone = text("a time zone such as America/New_York", (value) => (isZone(value) ? value : null));
const cron = z.string().superRefine((value, context) => {
  const why = cronProblem(value);
  if (why !== null)
    context.addIssue({ code: "custom", message: `${JSON.stringify(value)} is no cron schedule: ${why}` });
});

const money = z.string().transform((value, context) => {
  const mistake = moneyMistake(value);
  if (mistake === null) return parseMoney(value) ?? z.NEVER;
  context.addIssue({ code: "custom", message: mistake });
  return z.NEVER;
});
const share = z.union([z.number().gt(0).max(1), text('a share such as "80%" or 0.8', parseShare)]);

/** One plain address: no name beside it, no comment, no quotes, and so no way to write another line into a mail's head. */
const ADDRESS =
  /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*@(?:localhost|(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?)$/;
const address = z
  .string()
  .regex(ADDRESS, "expected an e-mail address such as data-oncall@example.com")
  .refine(
    (value) => value.indexOf("@") <= 64 && value.length <= 254,
    "expected an e-mail address of at most 254 letters",
  );

/** A list that says something. */
const some = <T extends z.ZodType>(item: T, what: string) =>
  z.array(item).refine((list) => list.length > 0, `expected at least one ${what}`);

/** Airflow's rule for ids. */
const id = z.string().regex(/^[A-Za-z0-9_.-]{1,250}$/, "expected letters, digits, _ - and . only, at most 250");
const names = z.array(z.string());
const slots = z.int().min(1);

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
  pool_slots: slots.optional(),
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
  max_active_runs: slots.optional().describe("Default 16"),
  backfill: z.strictObject({ max_active_runs: slots.optional().describe("Default 4") }).optional(),
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
  pools: z.record(z.string(), z.strictObject({ slots })).optional(),
  tasks: z.record(id, task).refine((tasks) => Object.keys(tasks).length > 0, "expected at least one task"),
});

/** A DAG file's content, checked key by key. */
export type DagInput = z.output<typeof dagSchema>;
export type TaskInput = DagInput["tasks"][string];
