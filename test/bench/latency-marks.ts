import { launched } from "./launched.ts";

/** When a no-op's submit was called, and when it said that the work is done. */
interface Mark {
  readonly submitAt: number;
  readonly doneAt: number;
}

/** A no-op that notes when it was called: what lies between two of a chain is the engine's. */
export class Marks {
  private readonly runs = new Map<string, Mark[]>();

  readonly descriptor = launched("bench.mark", async (_params, { dagRunId }) => {
    const submitAt = performance.now();
    const ofRun = this.runs.get(dagRunId) ?? [];
    this.runs.set(dagRunId, ofRun);
    ofRun.push({ submitAt, doneAt: performance.now() });
    return { kind: "done" };
  });

  /** Milliseconds from each task's end to its downstream's submit, in runs that are chains. */
  gaps(dagRunIds: readonly string[]): number[] {
    return dagRunIds.flatMap((dagRunId) => {
      const marks = this.runs.get(dagRunId) ?? [];
      return marks.slice(1).map(({ submitAt }, index) => submitAt - (marks[index]?.doneAt ?? NaN));
    });
  }

  /** When a run's first task was submitted. */
  firstSubmitAt(dagRunId: string): number {
    return this.runs.get(dagRunId)?.[0]?.submitAt ?? NaN;
  }
}
