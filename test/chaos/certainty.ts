/**
 * What of the end state the truth and the rules decide alone. exact: all of it. cleared: people begin tasks anew, which adds
 * tries and ends the runs that such a task had triggered. steered: people mark and cancel, and how far a task had come when
 * they did decides: only what holds for any run is checked.
 */
export type Certainty = "exact" | "cleared" | "steered";
