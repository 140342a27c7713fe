import { NocturneError } from "../../core/errors.ts";
import { isoText } from "../../core/schedule/runs.ts";
import { announced, refuse } from "../backfill/announce.ts";
import { carriedOn, usage } from "../backfill/plan.ts";
import { runBackfill } from "../backfill/run.ts";
import type { BackfillOptions } from "../backfill/wish.ts";
import { EXIT } from "../exit-codes.ts";
import { lookAt, type Session } from "../session.ts";
import { counted } from "../text/figures.ts";

/** `backfill DAG --from D --to D`: says what it will do, does it, and says how it went. */
export async function backfill(
  session: Session,
  [dagId]: readonly string[],
  options: BackfillOptions,
): Promise<number> {
  const { out } = session;
  if (dagId === undefined) throw usage("backfill needs a DAG, or one of create, list, show, pause, resume, cancel");
  return announced(session, dagId, options, async ({ config, store, dag, wish, preview, isPaused, head }) => {
    const { plan, counts, refusal } = preview;
    const carried = carriedOn(plan);
    const onlyCarryOn = counts.create + counts.reprocess === 0;
    const isDry = options.dryRun === true;
    if (isDry || (onlyCarryOn && carried.length === 0)) {
      if (isDry && isPaused) out.print(`${dagId} is paused: its runs wait until it is unpaused.`);
      if (isDry && refusal && !onlyCarryOn) out.print(`It would be refused: ${refusal.message}.`);
      out.print(isDry ? "Nothing was started (--dry-run)." : "Nothing to run.");
      out.document({ ...head, dry_run: isDry, runs: [] });
      return EXIT.done;
    }
    // To wait for runs that do not begin would be to wait for ever.
    if (!onlyCarryOn && isPaused) {
      const message = `${dagId} is paused: nothing of it is started`;
      throw new NocturneError({ code: "DAG_PAUSED", message });
    }
    if (!onlyCarryOn) refuse(preview);
    const runs = await runBackfill(session, config, store, { dag, wish, carriedOn: carried, onlyCarryOn });
    const failed = runs.filter(({ state }) => state === "failed");
    out.print(`${counted(runs.length - failed.length, "run")} succeeded, ${failed.length} failed.`);
    for (const { dagRunId } of failed)
      out.print(out.colors.red(`  failed: ${lookAt(session, `runs show ${dagRunId}`)}`));
    out.document({
      ...head,
      dry_run: false,
      runs: runs.map(({ dagRunId, logicalAt, state, startedAt, endedAt }) => ({
        dag_run_id: dagRunId,
        logical_date: logicalAt === null ? null : isoText(logicalAt),
        state,
        seconds: startedAt === null || endedAt === null ? null : (endedAt - startedAt) / 1000,
      })),
    });
    return failed.length === 0 ? EXIT.done : EXIT.failed;
  });
}
