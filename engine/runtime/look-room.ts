/** So many events may wait for a turn before no more are asked for (rule 33). */
const MOST_EVENTS = 5_000;

/**
 * Room for what looks will show. When the writer is slow to take events in, looks wait in line: what they would tell of
 * is still true later, and memory would fill with it.
 */
export class LookRoom {
  private readonly line: { readonly jobs: number; readonly enter: () => void }[] = [];
  /** Jobs whose look is under way: each may bring an event. */
  private asked = 0;
  private readonly unprocessed: () => number;

  /** `unprocessed` counts the events that wait for a turn; whenever there are fewer, `admit` is to be called. */
  constructor(unprocessed: () => number) {
    this.unprocessed = unprocessed;
  }

  /** Resolves when so many jobs may be looked at; `leave` gives the room back. */
  enter(jobs: number): Promise<void> {
    return new Promise((enter) => {
      this.line.push({ jobs, enter });
      this.admit();
    });
  }

  leave(jobs: number): void {
    this.asked -= jobs;
    this.admit();
  }

  /** Lets in who fits, first come first served. */
  admit(): void {
    for (let first = this.line[0]; first && this.fits(first.jobs); first = this.line[0]) {
      this.line.shift();
      this.asked += first.jobs;
      first.enter();
    }
  }

  /** A call for more jobs than there is room at all is let in when nothing else is. */
  private fits(jobs: number): boolean {
    const taken = this.asked + this.unprocessed();
    return taken === 0 || taken + jobs <= MOST_EVENTS;
  }
}
