import type { z } from "zod";
import { plannedAt } from "../../core/schedule/runs.ts";
import { scheduleText } from "../../core/schedule/schedule-text.ts";
import type { DagRow } from "../../store/read-models/dag-list.ts";
import type { DagAnswer } from "../schemas/answers.ts";
import { isoOrNull } from "./run.ts";

export function dagAnswer(row: DagRow): z.input<typeof DagAnswer> {
  const { dagId, spec, nextDueAt } = row;
  const { schedule } = spec;
  const next = schedule === null || nextDueAt === null ? null : plannedAt(spec, nextDueAt);
  const summary = schedule === null ? null : scheduleText(schedule);
  return {
    dag_id: dagId,
    dag_display_name: dagId,
    description: spec.description ?? null,
    is_paused: row.isPaused,
    is_stale: row.isStale,
    fileloc: row.file,
    relative_fileloc: row.file,
    file_token: Buffer.from(row.file).toString("base64url"),
    owners: spec.owner === undefined ? [] : [spec.owner],
    tags: spec.tags.map((name) => ({ name, dag_id: dagId, dag_display_name: dagId })),
    timetable_summary: summary,
    timetable_description: schedule === null ? "Never, external triggers only" : `${summary} in ${schedule.timezone}`,
    timetable_partitioned: false,
    max_active_runs: spec.maxActiveRuns,
    // Nothing but pools limits tasks: as many as all of its runs have.
    max_active_tasks: Math.max(1, spec.tasks.length * spec.maxActiveRuns),
    max_consecutive_failed_dag_runs: 0,
    has_task_concurrency_limits: false,
    has_import_errors: row.hasImportErrors,
    next_dagrun_logical_date: isoOrNull(next?.logicalAt ?? null),
    next_dagrun_data_interval_start: isoOrNull(next?.intervalStartAt ?? null),
    next_dagrun_data_interval_end: isoOrNull(next?.intervalEndAt ?? null),
    next_dagrun_run_after: isoOrNull(next?.runAfterAt ?? null),
    last_parsed_time: null,
    last_parse_duration: null,
    last_expired: null,
    bundle_name: null,
    bundle_version: null,
    allowed_run_types: null,
  };
}
