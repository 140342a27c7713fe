import { createHash } from "node:crypto";
import type { z } from "zod";
import type { TaskInstanceRow } from "../../store/read-models/task-instances.ts";
import type { TaskInstanceAnswer } from "../schemas/answers.ts";
import { iso, isoOrNull, seconds, versionAnswer } from "./run.ts";

export function taskInstanceAnswer(row: TaskInstanceRow): z.input<typeof TaskInstanceAnswer> {
  const operator = row.task?.operator ?? null;
  return {
    id: idOf(row),
    task_id: row.taskId,
    dag_id: row.dagId,
    dag_run_id: row.dagRunId,
    map_index: row.mapIndex,
    logical_date: isoOrNull(row.logicalAt),
    run_after: iso(row.runAfterAt),
    start_date: isoOrNull(row.startedAt),
    end_date: isoOrNull(row.endedAt),
    duration: seconds(row.startedAt, row.endedAt),
    state: row.state === "none" ? null : row.state,
    try_number: row.tryNumber,
    max_tries: Math.max(0, row.maxTry - 1),
    task_display_name: row.taskId,
    dag_display_name: row.dagId,
    hostname: null,
    unixname: null,
    pool: row.task?.pool ?? "default_pool",
    pool_slots: row.task?.poolSlots ?? 1,
    queue: null,
    priority_weight: row.task?.priority ?? null,
    operator,
    operator_name: operator,
    queued_when: isoOrNull(row.queuedAt),
    scheduled_when: null,
    pid: null,
    executor: null,
    executor_config: "{}",
    note: row.note,
    rendered_map_index: row.label ?? (row.mapIndex < 0 ? null : String(row.mapIndex)),
    rendered_fields: {},
    trigger: null,
    triggerer_job: null,
    dag_version: versionAnswer(row),
  };
}

/** Clients want a UUID where we have a key of three parts: always the same one for the same key (version 8). */
function idOf({ runId, taskId, mapIndex }: TaskInstanceRow): string {
  const bytes = createHash("sha256")
    .update(JSON.stringify([runId, taskId, mapIndex]))
    .digest()
    .subarray(0, 16);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(6) & 0x0f), 6);
  bytes.writeUInt8(0x80 | (bytes.readUInt8(8) & 0x3f), 8);
  return bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
