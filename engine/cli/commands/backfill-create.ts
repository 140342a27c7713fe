import { oneBackfill } from "../../store/read-models/backfills.ts";
import { announced, refuse } from "../backfill/announce.ts";
import { usage } from "../backfill/plan.ts";
import { accepted } from "../backfill/run.ts";
import { backfillRow } from "../backfill/show.ts";
import type { BackfillOptions } from "../backfill/wish.ts";
import { EXIT } from "../exit-codes.ts";
import { lookAt, withEngine, type Session } from "../session.ts";

/** `backfill create DAG --from D --to D`: makes its runs and leaves them to the running system. */
export async function backfillCreate(
  session: Session,
  [dagId]: readonly string[],
  options: BackfillOptions,
): Promise<number> {
  const { out } = session;
  if (dagId === undefined) throw usage("backfill create needs a DAG");
  return announced(session, dagId, options, async ({ config, store, dag, wish, preview, isPaused, head }) => {
    if (isPaused) out.print(`${dagId} is paused: its runs wait until it is unpaused.`);
    if (options.dryRun === true) {
      if (preview.refusal) out.print(`It would be refused: ${preview.refusal.message}.`);
      out.print("Nothing was started (--dry-run).");
      out.document({ ...head, dry_run: true, backfill: null });
      return EXIT.done;
    }
    refuse(preview);
    await withEngine(session, config, store, [dag], async (engine) => {
      await engine.ready;
      await accepted(session, store, wish, engine.isWriting);
      if (engine.isWriting) out.progress("No system runs: its runs wait for `nocturne up`, or for the command below.");
    });
    const made = await oneBackfill(store, wish.backfillId);
    if (!made) throw new Error(`the backfill ${wish.backfillId} is not there`);
    out.print(`Backfill ${made.number} is made: ${lookAt(session, `backfill show ${made.number} --watch`)}`);
    out.document({ ...head, dry_run: false, backfill: backfillRow(made) });
    return EXIT.done;
  });
}
