import type { RunState, TaskState } from "../../core/states.ts";
import type { Output } from "../output.ts";
import { spanText } from "./figures.ts";
import { cut, displayWidth, pad } from "./width.ts";

/** How far a set of runs is: counts by state, of the runs and of each task's instances. */
export interface Progress {
  readonly runs: Readonly<Partial<Record<RunState, number>>>;
  /** In the order of the DAG's file. */
  readonly tasks: readonly { readonly taskId: string; readonly counts: Readonly<Partial<Record<TaskState, number>>> }[];
}

const BAR_WIDTH = 24;
const SHOWN: readonly (readonly [
  word: string,
  states: readonly TaskState[],
  color: "green" | "cyan" | "red" | "dim",
])[] = [
  ["done", ["success"], "green"],
  ["running", ["queued", "running"], "cyan"],
  ["to retry", ["up_for_retry"], "cyan"],
  ["failed", ["failed"], "red"],
  ["not run", ["upstream_failed", "skipped", "removed"], "dim"],
];

const total = (counts: Readonly<Partial<Record<string, number>>>): number =>
  Object.values(counts).reduce<number>((sum, count) => sum + (count ?? 0), 0);

export const isFinished = ({ runs }: Progress): boolean => (runs.queued ?? 0) + (runs.running ?? 0) === 0;

/** One sentence: what a log or a pipe gets. */
export function progressSentence(progress: Progress, noun: string, elapsedMs: number, more = ""): string {
  const { success = 0, failed = 0, running = 0 } = progress.runs;
  const parts = [`${success + failed}/${total(progress.runs)} ${noun} done`];
  if (failed > 0) parts.push(`${failed} failed`);
  if (running > 0) parts.push(`${running} running`);
  return `${parts.join(", ")} (${spanText(elapsedMs)})${more}`;
}

/** The lines a terminal shows: a bar over the runs, then a line for each task. None is wider than `columns`. */
export function progressLines(
  progress: Progress,
  noun: string,
  elapsedMs: number,
  { colors, columns }: Pick<Output, "colors" | "columns">,
  more = "",
): string[] {
  const { success = 0, failed = 0 } = progress.runs;
  const share = total(progress.runs) === 0 ? 1 : (success + failed) / total(progress.runs);
  const filled = Math.floor(share * BAR_WIDTH);
  const bar = "█".repeat(filled) + "░".repeat(BAR_WIDTH - filled);
  const widest = Math.max(0, ...progress.tasks.map(({ taskId }) => displayWidth(taskId)));
  const digits = String(total(progress.runs)).length;
  const lines = progress.tasks.map(({ taskId, counts }) => {
    const figures = SHOWN.flatMap(([word, of, color]) => {
      const count = of.reduce((sum, state) => sum + (counts[state] ?? 0), 0);
      return count === 0 && word !== "done" ? [] : [colors[color](`${pad(String(count), digits, "right")} ${word}`)];
    });
    return `  ${pad(taskId, widest, "left")}  ${figures.join("  ")}`;
  });
  return [`${bar}  ${progressSentence(progress, noun, elapsedMs, more)}`, ...lines].map((line) => cut(line, columns));
}

interface ProgressView {
  /** `more`: what else is known of it, at the end of the sentence. */
  show(progress: Progress, elapsedMs: number, more?: string): void;
}

/** Shows progress as it comes: redrawn in place on a terminal, elsewhere a line whenever another run has ended. */
export function progressView(out: Output, noun: string): ProgressView {
  let drawn = 0;
  let lastEnded = -1;
  return {
    show(progress, elapsedMs, more) {
      if (out.live) {
        // What has scrolled off the top can not be redrawn.
        const lines = progressLines(progress, noun, elapsedMs, out, more).slice(0, out.rows - 1);
        out.draw(`${eraseAbove(drawn)}${lines.join("\n")}\n`);
        drawn = lines.length;
        return;
      }
      const ended = (progress.runs.success ?? 0) + (progress.runs.failed ?? 0);
      if (ended !== lastEnded) out.progress(progressSentence(progress, noun, elapsedMs, more));
      lastEnded = ended;
    },
  };
}

/** Terminal codes that go up `lines` lines and clear from there. */
const eraseAbove = (lines: number): string => (lines === 0 ? "" : `\u001b[${lines}A\u001b[0J`);
