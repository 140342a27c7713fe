import type { Json } from "../../../engine/core/json.ts";
import type { DagRun } from "../../../engine/core/records.ts";
import type { TemplateArguments } from "../../../engine/dagfile/template-context.ts";
import { dag, only } from "./reading.ts";

const at = Date.parse("2026-01-10T00:00:00Z");

export const run: DagRun = {
  runId: "0190",
  dagId: "nightly",
  dagRunId: "scheduled__2026-01-10T00:00:00+00:00",
  runType: "scheduled",
  logicalAt: at,
  intervalStartAt: at,
  intervalEndAt: at + 86_400_000,
  runAfterAt: at + 86_400_000,
  versionId: "v",
  backfillId: null,
  conf: {},
  state: "running",
  queuedAt: 0,
  startedAt: null,
  endedAt: null,
  triggeredBy: "test",
  quarantine: null,
  budgetLevel: "ok",
  ending: null,
  onlyTasks: null,
};

/** What the templates of a task downstream of `up` and of `g.a` are rendered from. */
export function given(more: Partial<TemplateArguments> = {}): TemplateArguments {
  const tasks = "up: { operator: noop }\na: { operator: noop, depends_on: [up, g] }";
  const { spec } = only(`${dag(tasks)}groups: { g: { tasks: { a: { operator: noop } } } }\n`);
  const task = spec.tasks[1];
  if (task === undefined) throw new Error("the DAG has two tasks");
  const outputs: Record<string, Json> = {};
  return { spec, task, run, tryNumber: 1, local: false, outputs, conf: {}, ...more };
}
