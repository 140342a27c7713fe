import { listDags } from "../../store/read-models/dags.ts";
import { EXIT } from "../exit-codes.ts";
import { carriedOut } from "../inbox.ts";
import { findDag } from "../read-dags.ts";
import { withEngine, withStore, type Session } from "../session.ts";

/** `dags pause DAG`: nothing of it is planned any more until it is unpaused. */
export const dagsPause = (session: Session, args: readonly string[]): Promise<number> => setPaused(session, args, true);

/** `dags unpause DAG`. */
export const dagsUnpause = (session: Session, args: readonly string[]): Promise<number> =>
  setPaused(session, args, false);

async function setPaused(session: Session, [dagId = ""]: readonly string[], isPaused: boolean): Promise<number> {
  const { out } = session;
  const config = await session.config();
  const answer = await withStore(session, config, async (store) => {
    // A DAG that was never published is known from its file alone: the engine publishes it first.
    const isKnown = (await listDags(store)).some((dag) => dag.dagId === dagId && !dag.isStale);
    const dags = isKnown ? [] : [await findDag(session, config, dagId)];
    const body = { kind: "pause_dag", dagId, isPaused, by: "cli" } as const;
    return withEngine(session, config, store, dags, () => carriedOut(session, store, body));
  });
  const changed = answer["changed"] === true;
  out.print(`${dagId} is ${changed ? "now " : ""}${isPaused ? "paused" : "active"}.`);
  out.document({ dag_id: dagId, is_paused: isPaused, changed });
  return EXIT.done;
}
