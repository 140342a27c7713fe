import { NocturneError } from "../../core/errors.ts";
import { choiceOf, refOf, type ChoiceOptions } from "../people/choice.ts";
import { doAction } from "../people/do.ts";
import type { Session } from "../session.ts";

interface Options extends ChoiceOptions {
  readonly latest?: boolean;
  readonly abandon?: boolean;
  readonly adopt?: string;
}

/** `tasks clear RUN [TASKS]` and `runs clear RUN`: begins task instances anew. */
export async function tasksClear(
  session: Session,
  [runName = "", ...tasks]: readonly string[],
  options: Options,
): Promise<number> {
  const { dag, latest, abandon, adopt, dryRun, yes } = options;
  const wish = choiceOf(tasks, options);
  if (adopt !== undefined && (tasks.length !== 1 || abandon || latest)) {
    const message = "--adopt takes exactly one task, without --abandon and --latest";
    throw new NocturneError({ code: "ACTION_INVALID", message });
  }
  return doAction(session, {
    ...{ runName, dag, wish, dryRun, yes },
    what: adopt === undefined ? "cleared" : `following ${adopt}`,
    clears: adopt === undefined,
    onLatest: latest,
    body: (runId, onLatest) => ({
      kind: "clear_tasks",
      runId,
      wish,
      ...(onLatest ? { onLatest } : {}),
      ...(abandon ? { abandons: true } : {}),
      ...(adopt === undefined ? {} : { adopts: refOf(adopt) }),
    }),
  });
}
