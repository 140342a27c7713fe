import { randomUUID } from "node:crypto";
import { cleanJson, cleanText } from "../../engine/core/clean-text.ts";
import type { Json } from "../../engine/core/json.ts";
import type { TaskFailure } from "../../engine/core/operator.ts";
import type { LogTail } from "./log-tail.ts";

/** This process, from its start to its end: work of another one has died with it. */
export const BOOT_ID = randomUUID();

/** How a piece of work ended. */
export type Outcome =
  { readonly kind: "succeeded"; readonly output: Json } | { readonly kind: "failed"; readonly failure: TaskFailure };

/** Why work is to stop: somebody cancelled it, or its owner lets go of everything and must leave nothing behind. */
export type StopReason = "cancel" | "let_go";

interface Work {
  readonly type: string;
  readonly log: LogTail;
  readonly stop: AbortController;
  outcome: Outcome | null;
  /** When its end was first looked at, by a clock that only goes forward. */
  seenAt: number | null;
}

/** An end that was looked at is kept for this long: memory may be dropped before the look is written, and then it looks again. */
const KEPT_MS = 15 * 60_000;
const FORGET_EVERY_MS = 60_000;
const MESSAGE_MAX = 4_000;

/** All work that runs, or has run, in this process, by launch key. Results outlive a reload of the engine's memory (rule 8). */
const works = new Map<string, Work>();

let letGoes = 0;
let forgotAt = 0;

/** Grows with every letGo: what was being made ready before one must not begin after it. */
export const timesLetGo = (): number => letGoes;

export const isKnown = (launchKey: string): boolean => works.has(launchKey);

/** How many pieces of work of one operator run now. */
export function running(type: string): number {
  let count = 0;
  for (const work of works.values()) if (work.type === type && work.outcome === null) count++;
  return count;
}

/** Begins `run` under a launch key that is not known yet. What it throws is a bug, and ends the work as one. */
export function begin(
  launchKey: string,
  type: string,
  log: LogTail,
  run: (stop: AbortSignal) => Promise<Outcome>,
): void {
  forgetSeen();
  const work: Work = { type, log, stop: new AbortController(), outcome: null, seenAt: null };
  works.set(launchKey, work);
  const end = (outcome: Outcome): void => void (work.outcome = cleaned(outcome));
  run(work.stop.signal).then(end, (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    end({ kind: "failed", failure: { class: "permanent", code: "INTERNAL", message } });
  });
}

/** How the work of a launch key stands; null: it runs. Undefined: this process knows no such work. */
export function look(launchKey: string): Outcome | null | undefined {
  const work = works.get(launchKey);
  if (work?.outcome) work.seenAt ??= performance.now();
  return work?.outcome;
}

export const logOf = (launchKey: string, lines: number): string[] => works.get(launchKey)?.log.lines(lines) ?? [];

/** Asks the work to end. Safe to repeat, and of work that is over or unknown. */
export const cancel = (launchKey: string): void => works.get(launchKey)?.stop.abort("cancel" satisfies StopReason);

/**
 * Ends all work at once and forgets it: this process writes no more, so nobody would take the results in, and whoever
 * writes now counts on the work being dead.
 */
export function letGo(): void {
  letGoes++;
  for (const work of works.values()) work.stop.abort("let_go" satisfies StopReason);
  works.clear();
}

/** Once a minute: looked through for every work that begins, the ends of a busy quarter of an hour would cost more than the work. */
function forgetSeen(): void {
  const now = performance.now();
  if (now - forgotAt < FORGET_EVERY_MS) return;
  forgotAt = now;
  const before = now - KEPT_MS;
  for (const [launchKey, { seenAt }] of works) if (seenAt !== null && seenAt < before) works.delete(launchKey);
}

function cleaned(outcome: Outcome): Outcome {
  if (outcome.kind === "succeeded") return { kind: "succeeded", output: cleanJson(outcome.output) };
  const { failure } = outcome;
  return { kind: "failed", failure: { ...failure, message: cleanText(failure.message, MESSAGE_MAX) } };
}
