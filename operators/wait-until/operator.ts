import { parseDuration } from "../../engine/core/duration.ts";
import type { Observation, Observed, Operator, SubmitContext } from "../../engine/core/operator.ts";
import { parseInstant } from "../../engine/core/schedule/zone.ts";
import { deadlineFor } from "../../engine/core/sla/finish-by.ts";
import { timeOfDay, waitUntilFacts, type WaitUntilParams } from "./params.ts";

interface Moment {
  readonly until: string;
}

/** What is waited for is decided once, with the launch: a clock that is changed meanwhile moves nothing. */
export const waitUntil: Operator<WaitUntilParams, Moment, Moment> = {
  ...waitUntilFacts,
  batchSize: 1_000,
  submit: async (params, context) => {
    const until = momentOf(params, context);
    const ref = { until: new Date(until).toISOString() };
    return until <= context.now() ? { kind: "done", output: ref } : { kind: "started", ref };
  },
  observe: async (jobs) => jobs.map(look),
  cancel: async () => undefined,
};

function look({ ref, context }: Observed<Moment>): Observation<Moment> {
  const left = Date.parse(ref.until) - context.now();
  return left <= 0
    ? { kind: "succeeded", output: ref }
    : { kind: "running", detail: `waiting until ${ref.until}`, pollAfterMs: left };
}

function momentOf({ at = "", after, since }: WaitUntilParams, { times, intentAt }: SubmitContext): number {
  if (after !== undefined) {
    const from = since === "task_start" ? intentAt : times.intervalEndAt;
    return from + (parseDuration(after) ?? 0);
  }
  const clock = timeOfDay(at);
  if (clock) return deadlineFor({ name: "wait.until", finishBy: clock }, times.dueAt, times.timezone);
  return parseInstant(at, times.timezone) ?? intentAt;
}
