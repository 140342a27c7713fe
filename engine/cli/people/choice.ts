import { NocturneError } from "../../core/errors.ts";
import type { TaskWish } from "../../core/commands.ts";

/** The options that choose task instances. */
export interface ChoiceOptions {
  readonly dag?: string;
  readonly mapIndex?: number;
  readonly upstream?: boolean;
  readonly downstream?: boolean;
  readonly past?: boolean;
  readonly future?: boolean;
  readonly onlyFailed?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

/** What a command line means: these tasks, or with none named all of the run. Throws ACTION_INVALID for what contradicts itself. */
export function choiceOf(names: readonly string[], options: ChoiceOptions): TaskWish {
  const { mapIndex, upstream, downstream, past, future, onlyFailed } = options;
  const refuse = (message: string): never => {
    throw new NocturneError({ code: "ACTION_INVALID", message });
  };
  if (names.length === 0 && mapIndex !== undefined) refuse("--map-index needs the task that it is an instance of");
  if (names.length === 0 && (upstream || downstream)) refuse("--upstream and --downstream need the task they begin at");
  if (options.dryRun && options.yes) refuse("--dry-run does nothing that --yes could allow: leave one of the two out");
  return {
    tasks: names.length === 0 ? null : names.map((task) => ({ task, mapIndex: mapIndex ?? null })),
    ...(upstream ? { withUpstream: true } : {}),
    ...(downstream ? { withDownstream: true } : {}),
    ...(past ? { past: true } : {}),
    ...(future ? { future: true } : {}),
    ...(onlyFailed ? { onlyFailed: true } : {}),
  };
}

/** A reference to a foreign job as it was typed: JSON where it looks so, else text. */
export function refOf(text: string) {
  if (!/^\s*[{["]/.test(text)) return text;
  try {
    return JSON.parse(text) as string;
  } catch {
    throw new NocturneError({ code: "ACTION_INVALID", message: `--adopt ${text}: this begins like JSON and is none` });
  }
}
