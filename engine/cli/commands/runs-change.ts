import { NocturneError } from "../../core/errors.ts";
import { doOnRun } from "../people/do.ts";
import type { Session } from "../session.ts";
import { tasksClear } from "./tasks-clear.ts";

interface Options {
  readonly dag?: string;
}

/** `runs clear RUN`: begins every task of a run anew, or with --only-failed what has failed. */
export const runsClear = (session: Session, [runName = ""]: readonly string[], options: object): Promise<number> =>
  tasksClear(session, [runName], options);

/** `runs mark RUN STATE`: gives a run a person's word for its state; queued begins it anew. */
export function runsMark(
  session: Session,
  [runName = "", state = ""]: readonly string[],
  { dag }: Options,
): Promise<number> {
  if (state === "queued") return tasksClear(session, [runName], { ...(dag === undefined ? {} : { dag }), yes: true });
  if (state !== "success" && state !== "failed") {
    throw new NocturneError({ code: "ACTION_INVALID", message: `${state}: a run is marked success, failed or queued` });
  }
  return doOnRun(
    session,
    runName,
    dag,
    (runId) => ({ kind: "mark_run", runId, state }),
    (name) => `${name} is marked ${state}; jobs at work are ended first.`,
  );
}

/** `runs release RUN`: a run that was put aside comes back; what it was doing is found out first. */
export const runsRelease = (session: Session, [runName = ""]: readonly string[], { dag }: Options): Promise<number> =>
  doOnRun(
    session,
    runName,
    dag,
    (runId) => ({ kind: "release_run", runId }),
    (name, answer) => (answer["released"] === true ? `${name} goes on.` : `${name} was not put aside.`),
  );

/** `runs note RUN [TEXT]`: writes it, or without a text takes it away. */
export function runsNote(session: Session, [runName = "", text]: readonly string[], { dag }: Options): Promise<number> {
  const note = text === undefined || text === "" ? null : text;
  return doOnRun(
    session,
    runName,
    dag,
    (runId) => ({ kind: "note_run", runId, note }),
    (name) => (note === null ? `${name} has no note any more.` : `${name}: ${note}`),
  );
}
