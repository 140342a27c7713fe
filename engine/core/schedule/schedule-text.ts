import type { ScheduleSpec } from "../dag.ts";
import { formatDuration } from "../duration.ts";

/** A schedule in one line, as its DAG file has it: "0 2 * * *", "every 6h", "@continuous". */
export function scheduleText(schedule: ScheduleSpec): string {
  if (schedule.isContinuous) return "@continuous";
  if (schedule.isOnce) return "@once";
  return schedule.everyMs === null ? schedule.cron.join(" | ") : `every ${formatDuration(schedule.everyMs)}`;
}
