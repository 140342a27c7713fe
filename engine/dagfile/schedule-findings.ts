import type { DagSpec } from "../core/dag.ts";
import { formatDuration } from "../core/duration.ts";
import { firstDueAt } from "../core/schedule/plan.ts";
import { ticksBetween } from "../core/schedule/ticks.ts";
import { DAY_MS } from "../core/schedule/zone.ts";
import { wordOf, type ScheduleInput } from "./schedule-input.ts";
import { invalid, type Finding } from "./schema-issues.ts";
import type { Path } from "./yaml-document.ts";

/** The keys beside `schedule` that must fit it. */
interface Around {
  readonly schedule?: ScheduleInput | undefined;
  readonly start_date?: string | undefined;
  readonly max_active_runs?: number | undefined;
  readonly sla?: readonly unknown[] | undefined;
}

/** Keys that contradict each other, do nothing, or leave the DAG without a single run. */
export function scheduleFindings(input: Around, spec: DagSpec): Finding[] {
  const { schedule } = input;
  if (schedule === undefined) return [];
  const findings = [...kindFindings(schedule), ...uselessKeys(schedule), ...startFindings(input), ...continuous(input)];
  // Nonsense has no ticks to look at.
  return findings.length > 0 ? findings : tickFindings(schedule, spec);
}

/** Where the file says what kind of schedule it is. */
const kindPath = (schedule: ScheduleInput): Path =>
  schedule.isText ? ["schedule"] : ["schedule", schedule.cron === undefined ? "every" : "cron"];

function kindFindings(schedule: ScheduleInput): Finding[] {
  const { cron, every } = schedule;
  const word = wordOf(schedule);
  const findings: Finding[] = [];
  if (cron !== undefined && every !== undefined) {
    findings.push(invalid(["schedule", "every"], "every: a schedule has either cron or every", "key"));
  }
  if (word !== null && (cron?.length ?? 0) > 1) {
    findings.push(invalid(["schedule", "cron"], `cron: ${word} stands alone, without other expressions`));
  }
  for (const key of ["cron", "skip_dates"] as const) {
    const twice = (schedule[key] ?? []).findIndex((each, index, list) => list.indexOf(each) < index);
    if (twice < 0) continue;
    findings.push(invalid(["schedule", key, twice], `${key}: ${schedule[key]?.[twice]} is in the list twice`));
  }
  return findings;
}

const NEEDS_TICKS = ["mode", "catchup", "jitter", "skip_dates", "calendar"] as const;
/** Of these, the ones that change something all the same. */
const MEANT = { "@continuous": ["mode"], "@once": ["jitter"], none: [] } as const;

function uselessKeys(schedule: ScheduleInput): Finding[] {
  const word = wordOf(schedule);
  if (word === null && (schedule.cron !== undefined || schedule.every !== undefined)) return [];
  const meant: readonly string[] = word === null ? [] : MEANT[word];
  const where = word === null ? "without cron or every" : word === "none" ? "without a schedule" : `with ${word}`;
  return NEEDS_TICKS.filter((key) => schedule[key] !== undefined && !meant.includes(key)).map((key) =>
    invalid(["schedule", key], `${key}: it does nothing ${where}`, "key"),
  );
}

function startFindings({ schedule, start_date }: Around): Finding[] {
  if (schedule === undefined || start_date !== undefined) return [];
  if (schedule.every !== undefined && schedule.cron === undefined) {
    return [invalid(["schedule", "every"], "every: it counts from start_date, and there is none; add one", "key")];
  }
  if (wordOf(schedule) !== "@once") return [];
  return [invalid(kindPath(schedule), "@once: the run is due at start_date, and there is none; add one")];
}

function continuous({ schedule, max_active_runs, sla }: Around): Finding[] {
  if (schedule === undefined || wordOf(schedule) !== "@continuous") return [];
  const findings: Finding[] = [];
  if (max_active_runs !== undefined && max_active_runs !== 1) {
    const message =
      "max_active_runs: with @continuous a run begins when the last one has ended; expected 1, or leave it out";
    findings.push(invalid(["max_active_runs"], message));
  }
  if (sla !== undefined && sla.length > 0) {
    findings.push(
      invalid(["sla"], "sla: with @continuous no run has a due time that finish_by could count from", "key"),
    );
  }
  return findings;
}

function tickFindings(input: ScheduleInput, spec: DagSpec): Finding[] {
  const { schedule } = spec;
  if (schedule === null || schedule.isContinuous) return [];
  // An end before the start is a problem of its own.
  if (spec.startAt !== null && spec.endAt !== null && spec.endAt < spec.startAt) return [];
  if (firstDueAt(spec) === null) {
    const everyDay = { ...schedule, skipDates: [], businessDays: false };
    if (firstDueAt({ ...spec, schedule: everyDay }) === null) {
      return [invalid(["end_date"], "end_date: the schedule has no run until then: the DAG never runs")];
    }
    const keys = (["calendar", "skip_dates"] as const).filter((key) => input[key] !== undefined);
    const message = `${keys.join(" and ")}: every due time is on a day left out: the DAG never runs`;
    return [invalid(["schedule", keys[0] ?? "cron"], message)];
  }
  if (schedule.jitterMs === 0) return [];
  const gap = shortestGap(spec);
  if (schedule.jitterMs < gap) return [];
  const message = `jitter: expected less than ${formatDuration(gap)}, the shortest time between two due times`;
  return [invalid(["schedule", "jitter"], message)];
}

const WEEK_MS = 7 * DAY_MS;
const ENOUGH_TICKS = 2_000;

/** Over a year from the start, or less where ticks are many: they repeat. Infinity: fewer than two. */
function shortestGap(spec: DagSpec): number {
  const from = spec.startAt ?? Date.UTC(2024, 0, 1);
  let last = -Infinity;
  let shortest = Infinity;
  for (let week = from, ticks = 0; week < from + 53 * WEEK_MS && ticks < ENOUGH_TICKS; week += WEEK_MS) {
    for (const tick of ticksBetween(spec, week, week + WEEK_MS)) {
      shortest = Math.min(shortest, tick - last);
      last = tick;
      ticks++;
    }
  }
  return shortest;
}
