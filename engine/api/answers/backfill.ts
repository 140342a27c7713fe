import type { z } from "zod";
import type { BackfillPreview } from "../../store/read-models/backfill-preview.ts";
import type { BackfillRow } from "../../store/read-models/backfills.ts";
import type { BackfillAnswer, DryRunAnswer } from "../schemas/answers.ts";
import { iso, isoOrNull } from "./run.ts";

export function backfillAnswer(row: BackfillRow): z.input<typeof BackfillAnswer> {
  return {
    id: row.number,
    dag_id: row.dagId,
    dag_display_name: row.dagId,
    from_date: iso(row.fromAt),
    to_date: iso(row.toAt),
    dag_run_conf: row.conf,
    is_paused: row.isPaused,
    reprocess_behavior: row.reprocess,
    max_active_runs: row.maxActiveRuns,
    created_at: iso(row.createdAt),
    completed_at: isoOrNull(row.completedAt),
    updated_at: iso(row.updatedAt),
  };
}

export function dryRunAnswer({ plan, expected, refusal }: BackfillPreview): z.input<typeof DryRunAnswer> {
  const made = plan.entries.filter(({ decision }) => decision.kind !== "leave");
  return {
    backfills: made.map(({ planned }) => ({ logical_date: iso(planned.logicalAt) })),
    total_entries: made.length,
    left_alone: plan.entries.flatMap(({ planned, decision }) =>
      decision.kind === "leave" ? [{ logical_date: iso(planned.logicalAt), reason: decision.reason }] : [],
    ),
    estimate: expected && {
      based_on_runs: expected.basedOnRuns,
      seconds: expected.durationMs / 1_000,
      cost: expected.cost,
      currency: expected.currency,
    },
    would_be_refused: refusal?.code ?? null,
  };
}
