import type { z } from "zod";
import type { Instant } from "../../core/json.ts";
import type { RunRow } from "../../store/read-models/run-list.ts";
import { TRIGGERED_BY, type RunAnswer } from "../schemas/answers.ts";

export const isoOrNull = (at: Instant | null): string | null => (at === null ? null : iso(at));
export const iso = (at: Instant): string => new Date(at).toISOString();

/** Seconds; null while either end is missing. */
export const seconds = (from: Instant | null, to: Instant | null): number | null =>
  from === null || to === null ? null : (to - from) / 1_000;

export const versionAnswer = (row: {
  readonly versionId: string;
  readonly versionNumber: number;
  readonly publishedAt: Instant;
  readonly dagId: string;
}) => ({
  id: row.versionId,
  version_number: row.versionNumber,
  dag_id: row.dagId,
  dag_display_name: row.dagId,
  created_at: iso(row.publishedAt),
  bundle_name: null,
  bundle_version: null,
  bundle_url: null,
});

export function runAnswer(row: RunRow): z.input<typeof RunAnswer> {
  const [by = "", ...who] = row.triggeredBy.split(":");
  return {
    dag_run_id: row.dagRunId,
    dag_id: row.dagId,
    dag_display_name: row.dagId,
    logical_date: isoOrNull(row.logicalAt),
    queued_at: iso(row.queuedAt),
    start_date: isoOrNull(row.startedAt),
    end_date: isoOrNull(row.endedAt),
    duration: seconds(row.startedAt, row.endedAt),
    data_interval_start: isoOrNull(row.intervalStartAt),
    data_interval_end: isoOrNull(row.intervalEndAt),
    run_after: iso(row.runAfterAt),
    last_scheduling_decision: null,
    run_type: row.runType,
    state: row.state,
    triggered_by: TRIGGERED_BY.find((name) => name === by) ?? BY_TYPE[row.runType],
    triggering_user_name: who.length === 0 ? null : who.join(":"),
    conf: row.conf,
    note: row.note,
    dag_versions: [versionAnswer(row)],
    bundle_version: null,
    partition_key: null,
  };
}

/** Airflow's word for what makes runs of a type when nobody in particular did. */
const BY_TYPE = { scheduled: "timetable", backfill: "backfill", manual: null, asset_triggered: "asset" } as const;
