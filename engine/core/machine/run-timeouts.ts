import { Agenda } from "../agenda.ts";
import type { Instant } from "../json.ts";
import type { ActiveRun } from "./active-run.ts";

/** When runs have taken longer than their `run_timeout`. */
export class RunTimeouts {
  private readonly agenda = new Agenda<ActiveRun>();

  /** The run is under way, or under way anew. */
  watch(active: ActiveRun): void {
    const at = endsAt(active);
    if (at !== null) this.agenda.add(at, active);
  }

  /** The runs to end at `now`; one that began anew meanwhile has its time before it. */
  take(now: Instant): ActiveRun[] {
    return this.agenda.take(now).filter((active) => {
      const at = active.isGone ? null : endsAt(active);
      return at !== null && at <= now;
    });
  }

  get nextAt(): Instant {
    return this.agenda.nextAt;
  }
}

/** When a run has used up its time; null: it does not run, has no limit, or is being ended already. */
function endsAt({ run, dag }: ActiveRun): Instant | null {
  const { runTimeoutMs } = dag.version.spec;
  if (run.state !== "running" || run.startedAt === null || run.ending !== null || runTimeoutMs === null) return null;
  return run.startedAt + runTimeoutMs;
}
