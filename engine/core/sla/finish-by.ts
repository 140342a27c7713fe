import type { SlaRule } from "../dag.ts";
import type { Instant } from "../json.ts";
import { DAY_MS, Zone } from "../schedule/zone.ts";

/**
 * The deadline of a run due at `dueAt`: the first time at or after it that the wall in `zone` shows the rule's time,
 * `days` later on the calendar. A time that a gap leaves out is the gap's end.
 */
export function deadlineFor(rule: SlaRule, dueAt: Instant, zone: string): Instant {
  const clock = Zone.of(zone);
  const { hour, minute, days } = rule.finishBy;
  const timeOfDay = (hour * 60 + minute) * 60_000;
  const today = Math.floor(clock.wall(dueAt) / DAY_MS) * DAY_MS;
  for (let day = today - DAY_MS; ; day += DAY_MS) {
    const wall = day + timeOfDay;
    const shown = clock.instants(wall);
    const first = (shown.length === 0 ? [clock.firstInstant(wall)] : shown).find((at) => at >= dueAt);
    if (first !== undefined) return days === 0 ? first : clock.firstInstant(wall + days * DAY_MS);
  }
}

/** A run judged as if it had started when it was due: what a backfilled night would have meant for its deadline. */
export interface ElapsedVerdict {
  readonly deadlineAt: Instant;
  /** The due time plus the run's own elapsed time. */
  readonly finishAt: Instant;
  readonly met: boolean;
}

/** Due time plus own elapsed time against the deadline; only for showing, never for a recorded miss. */
export function verdictByElapsed(
  rule: SlaRule,
  run: { readonly dueAt: Instant; readonly startedAt: Instant; readonly endedAt: Instant },
  zone: string,
): ElapsedVerdict {
  const deadlineAt = deadlineFor(rule, run.dueAt, zone);
  const finishAt = run.dueAt + (run.endedAt - run.startedAt);
  return { deadlineAt, finishAt, met: finishAt <= deadlineAt };
}

/** The rule's time as it stands in the DAG: "06:00", "06:00+1d". */
export function finishByText({ finishBy: { hour, minute, days } }: SlaRule): string {
  const two = (value: number): string => String(value).padStart(2, "0");
  return `${two(hour)}:${two(minute)}${days === 0 ? "" : `+${days}d`}`;
}
