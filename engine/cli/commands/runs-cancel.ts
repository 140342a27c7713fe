import { setTimeout as delay } from "node:timers/promises";
import { NocturneError } from "../../core/errors.ts";
import { isRunFinished } from "../../core/states.ts";
import { commandResult, enqueue } from "../../store/inbox.ts";
import { doer } from "../doer.ts";
import { EXIT } from "../exit-codes.ts";
import { findRun } from "../runs/find-run.ts";
import { runRow } from "../runs/run-lines.ts";
import { withEngine, withStore, type Session } from "../session.ts";

const LOOK_MS = 200;

/** `runs cancel RUN`: asks for the run's end and follows until AWS has confirmed every job's end. */
export async function runsCancel(
  session: Session,
  [name = ""]: readonly string[],
  { dag }: { readonly dag?: string },
): Promise<number> {
  const { out, interrupted } = session;
  const config = await session.config();
  return withStore(session, config, async (store) => {
    const { run } = await findRun(store, name, dag);
    if (isRunFinished(run.state)) {
      out.print(`${run.dagRunId} has already ended: ${run.state}.`);
      out.document({ ...runRow(run), cancelled: false });
      return EXIT.done;
    }
    const ended = await withEngine(session, config, store, [], async () => {
      const commandId = await enqueue(store, { kind: "cancel_run", runId: run.runId, ...doer() });
      out.progress(`Ending ${run.dagRunId}: its remote jobs are cancelled first`);
      for (;;) {
        const result = await commandResult(store, commandId);
        if (result?.ok === false) throw new NocturneError({ code: result.code, message: result.message });
        const { run: now } = await findRun(store, run.runId);
        if (isRunFinished(now.state)) return now;
        await delay(LOOK_MS, undefined, { signal: interrupted });
      }
    });
    out.print(`${ended.dagRunId} has ended: ${ended.state}.`);
    out.document({ ...runRow(ended), cancelled: true });
    return EXIT.done;
  });
}
