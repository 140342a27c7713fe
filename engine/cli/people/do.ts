import { NocturneError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import type { PeopleBody, TaskWish } from "../../core/commands.ts";
import type { Store } from "../../store/open.ts";
import { peoplePreview, type Preview } from "../../store/read-models/people-preview.ts";
import { EXIT } from "../exit-codes.ts";
import { carriedOut } from "../inbox.ts";
import { findRun } from "../runs/find-run.ts";
import { withEngine, withStore, type Session } from "../session.ts";
import { canAsk, confirm } from "./confirm.ts";
import { meantRows, showPreview } from "./say.ts";

/** One action of a person on task instances, as a command carries it out. */
export interface Action {
  readonly runName: string;
  readonly dag?: string | undefined;
  readonly wish: TaskWish;
  /** "cleared", "marked failed". */
  readonly what: string;
  readonly clears: boolean;
  readonly dryRun?: boolean | undefined;
  readonly yes?: boolean | undefined;
  /** undefined: asked for where the versions differ and somebody can answer. */
  readonly onLatest?: boolean | undefined;
  body(runId: string, onLatest: boolean): PeopleBody;
}

/** Shows what would be done and asks, unless told; then has the writer do it. */
export async function doAction(session: Session, action: Action): Promise<number> {
  const { out } = session;
  const { runName, dag, wish, what, clears } = action;
  const config = await session.config();
  return withStore(session, config, async (store) => {
    const { run } = await findRun(store, runName, dag);
    const look = (onLatest: boolean): Promise<Preview> => lookAhead(store, run.runId, wish, { clears, onLatest });
    let onLatest = action.onLatest ?? false;
    let preview = await look(onLatest);
    const isOlder = clears && preview.versionNumber !== preview.latestNumber;
    if (isOlder && action.onLatest === undefined) {
      const versions = `The run is of version ${preview.versionNumber} of its DAG, the newest is ${preview.latestNumber}.`;
      if (canAsk(session) && action.yes !== true) {
        onLatest = await confirm(session, `${versions} Put the whole run on the newest?`);
        if (onLatest) preview = await look(true);
      } else out.progress(`${versions} It keeps its own; --latest puts the whole run on the newest.`);
    }
    if (action.dryRun) {
      showPreview(session, preview, what);
      out.document({
        dry_run: true,
        run_id: run.runId,
        tasks: meantRows(preview.tasks),
        left: meantRows(preview.left),
      });
      return EXIT.done;
    }
    if (action.yes !== true && preview.tasks.length > 0) {
      showPreview(session, preview, what);
      if (!(await confirm(session, "Go on?"))) {
        out.print("Nothing was done.");
        return EXIT.done;
      }
    }
    const answer = await withEngine(session, config, store, [], () =>
      carriedOut(session, store, { ...action.body(run.runId, onLatest), by: "cli" }),
    );
    const count = Number(answer["count"] ?? 0);
    out.print(
      `${count} task instance${count === 1 ? "" : "s"} of ${run.dagRunId} ${count === 1 ? "is" : "are"} ${what}; jobs at work are ended first.`,
    );
    out.document({ dry_run: false, ...answer });
    return EXIT.done;
  });
}

async function lookAhead(
  store: Store,
  runId: string,
  wish: TaskWish,
  how: { readonly clears: boolean; readonly onLatest: boolean },
): Promise<Preview> {
  const preview = await peoplePreview(store, runId, wish, how);
  if ("code" in preview) throw new NocturneError({ code: preview.code, message: preview.message });
  return preview;
}

/** An action on a run itself, which needs no choice and no question. */
export async function doOnRun(
  session: Session,
  runName: string,
  dag: string | undefined,
  bodyOf: (runId: string) => PeopleBody | { readonly kind: "release_run"; readonly runId: string },
  say: (dagRunId: string, answer: JsonObject) => string,
): Promise<number> {
  const { out } = session;
  const config = await session.config();
  return withStore(session, config, async (store) => {
    const { run } = await findRun(store, runName, dag);
    const answer = await withEngine(session, config, store, [], () =>
      carriedOut(session, store, { ...bodyOf(run.runId), by: "cli" }),
    );
    out.print(say(run.dagRunId, answer));
    out.document({ dag_id: run.dagId, dag_run_id: run.dagRunId, ...answer });
    return EXIT.done;
  });
}
