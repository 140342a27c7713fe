import { NocturneError } from "../../core/errors.ts";
import type { MarkedTaskState } from "../../core/commands.ts";
import { nearest } from "../../core/similar.ts";
import { choiceOf, type ChoiceOptions } from "../people/choice.ts";
import { doAction, doOnRun } from "../people/do.ts";
import type { Session } from "../session.ts";

const STATES: readonly string[] = ["success", "failed", "skipped"] satisfies MarkedTaskState[];

/** `tasks mark RUN STATE TASKS`: gives task instances a person's word for their state. */
export async function tasksMark(
  session: Session,
  [runName = "", word = "", ...tasks]: readonly string[],
  options: ChoiceOptions,
): Promise<number> {
  if (!STATES.includes(word)) {
    const near = nearest(word, STATES);
    const message = `${word}: a task is marked ${STATES.join(", ")}${near === undefined ? "" : `; did you mean ${near}?`}`;
    throw new NocturneError({ code: "ACTION_INVALID", message });
  }
  const state = word as MarkedTaskState;
  return act(session, runName, tasks, options, `marked ${state}`, (runId, wish) => ({
    kind: "mark_tasks",
    runId,
    wish,
    state,
  }));
}

/** `tasks retry RUN TASKS`: the next try does not wait for its time. */
export const tasksRetry = (session: Session, [runName = "", ...tasks]: readonly string[], options: ChoiceOptions) =>
  act(session, runName, tasks, { ...options, yes: true }, "tried again now", (runId, wish) => ({
    kind: "retry_tasks",
    runId,
    wish,
  }));

/** `tasks abandon RUN TASKS`: lets the state go on while the end of a job is not confirmed. */
export const tasksAbandon = (session: Session, [runName = "", ...tasks]: readonly string[], options: ChoiceOptions) =>
  act(
    session,
    runName,
    tasks,
    options,
    "abandoned; their jobs are watched and billed until they end",
    (runId, wish) => ({
      kind: "abandon_tasks",
      runId,
      wish,
    }),
  );

/** `tasks note RUN TASK [TEXT]`: writes it, or without a text takes it away. */
export function tasksNote(
  session: Session,
  [runName = "", taskId = "", text]: readonly string[],
  { dag, mapIndex = -1 }: ChoiceOptions,
): Promise<number> {
  const note = text === undefined || text === "" ? null : text;
  return doOnRun(
    session,
    runName,
    dag,
    (runId) => ({ kind: "note_task", runId, taskId, mapIndex, note }),
    () => (note === null ? `${taskId} has no note any more.` : `${taskId}: ${note}`),
  );
}

function act(
  session: Session,
  runName: string,
  tasks: readonly string[],
  options: ChoiceOptions,
  what: string,
  bodyOf: (runId: string, wish: ReturnType<typeof choiceOf>) => ReturnType<Parameters<typeof doAction>[1]["body"]>,
): Promise<number> {
  const wish = choiceOf(tasks, options);
  const { dag, dryRun, yes } = options;
  return doAction(session, {
    runName,
    dag,
    wish,
    what,
    clears: false,
    dryRun,
    yes,
    body: (runId) => bodyOf(runId, wish),
  });
}
