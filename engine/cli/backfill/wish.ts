import { randomUUID } from "node:crypto";
import type { DagSpec } from "../../core/dag.ts";
import type { JsonObject } from "../../core/json.ts";
import type { BackfillWish, ReprocessBehavior } from "../../core/records.ts";
import { confMistakes } from "../../dagfile/conf-mistakes.ts";
import { checkRange, usage } from "./plan.ts";

/** The options of `backfill` and `backfill create`. */
export interface BackfillOptions {
  readonly from?: string;
  readonly to?: string;
  readonly maxActiveRuns?: number;
  readonly reprocess: ReprocessBehavior;
  readonly backwards?: boolean;
  readonly task?: readonly string[];
  readonly downstream?: boolean;
  readonly dryRun?: boolean;
  readonly conf?: string;
  readonly overBudget?: boolean;
}

/** The days of a backfill. Throws a USAGE error where they are not given, or are none. */
export function rangeOf({ from, to }: BackfillOptions): { readonly from: string; readonly to: string } {
  if (from === undefined || to === undefined) {
    throw usage(`backfill needs a range: --from and --to, such as --from 2026-01-01 --to 2026-01-31`);
  }
  checkRange(from, to);
  return { from, to };
}

/** What somebody asks for. Throws a USAGE error for what no DAG would allow. */
export function wishOf(spec: DagSpec, options: BackfillOptions): BackfillWish {
  const { reprocess, task = [], backwards, downstream, overBudget } = options;
  const { from, to } = rangeOf(options);
  return {
    backfillId: randomUUID(),
    dagId: spec.dagId,
    fromDate: from,
    toDate: to,
    maxActiveRuns: options.maxActiveRuns ?? spec.backfillMaxActiveRuns,
    reprocess,
    conf: confOf(spec, options.conf),
    runsBackwards: backwards === true,
    taskIds: task,
    withDownstream: downstream === true,
    allowsOverBudget: overBudget === true,
  };
}

/** The values for the DAG's params, each checked against its declaration. */
export function confOf(spec: DagSpec, text: string | undefined): JsonObject {
  if (text === undefined) return {};
  let conf: unknown;
  try {
    conf = JSON.parse(text);
  } catch {
    conf = null;
  }
  if (typeof conf !== "object" || conf === null || Array.isArray(conf)) {
    throw usage(`--conf: expected a JSON object such as '{"bucket": "acme-sales"}'`);
  }
  const [mistake] = confMistakes(spec, conf as JsonObject);
  if (mistake) throw usage(`--conf: ${mistake.isUnknown ? "" : `${mistake.name}: `}${mistake.message}`);
  return conf as JsonObject;
}
