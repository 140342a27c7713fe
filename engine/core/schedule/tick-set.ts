import type { Instant } from "../json.ts";

/** Ticks as a set of instants: because it is one, looking forward and looking back always agree. */
export interface TickSet {
  /** Every tick in [from, until), in order, each once. */
  between(from: Instant, until: Instant): Instant[];
  /** The first after `instant`; null: there is none any more. */
  next(instant: Instant): Instant | null;
  /** The last before `instant`; null: there is none. */
  previous(instant: Instant): Instant | null;
}
