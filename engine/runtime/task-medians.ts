import { medianOf } from "../core/poll-interval.ts";
import { taskDurations, type TaskOfDag } from "../store/task-durations.ts";
import type { EngineDeps } from "./deps.ts";

const MOST_TASKS = 10_000;
const MOST_DURATIONS = 20;
/** In one query, of which one is under way at most: the night must not wait for it. */
const MOST_ASKED = 100;

/** How long tasks take as a rule, by what their last successful attempts took: read once, then kept up. */
export class TaskMedians {
  /** The newest first. */
  private readonly known = new Map<string, readonly number[]>();
  private readonly wanted = new Map<string, TaskOfDag>();
  private isReading = false;
  private readonly deps: Pick<EngineDeps, "store" | "log">;

  constructor(deps: Pick<EngineDeps, "store" | "log">) {
    this.deps = deps;
  }

  /** null: the task has not succeeded yet, or that is being read. */
  of(task: TaskOfDag): number | null {
    const name = nameOf(task);
    const durations = this.known.get(name);
    if (durations) return medianOf(durations);
    this.wanted.set(name, task);
    if (!this.isReading) void this.read();
    return null;
  }

  succeeded(task: TaskOfDag, tookMs: number): void {
    const name = nameOf(task);
    const durations = this.known.get(name);
    // Nobody has asked; whoever does reads it.
    if (durations) this.known.set(name, [tookMs, ...durations].slice(0, MOST_DURATIONS));
  }

  private async read(): Promise<void> {
    this.isReading = true;
    try {
      while (this.wanted.size > 0) {
        const asked = [...this.wanted].slice(0, MOST_ASKED);
        for (const [name] of asked) this.wanted.delete(name);
        const durations = await taskDurations(
          this.deps.store,
          asked.map(([, task]) => task),
        );
        for (const [index, [name]] of asked.entries()) this.remember(name, durations[index] ?? []);
      }
    } catch (error) {
      // Who is looked at next asks again.
      this.deps.log.info({ err: error }, "how long tasks took before could not be read");
    }
    this.isReading = false;
  }

  private remember(name: string, durations: readonly number[]): void {
    const [oldest] = this.known.keys();
    if (this.known.size >= MOST_TASKS && oldest !== undefined) this.known.delete(oldest);
    this.known.set(name, durations);
  }
}

const nameOf = ({ dagId, taskNo }: TaskOfDag): string => `${dagId}/${taskNo}`;
