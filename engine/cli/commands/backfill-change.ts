import { NocturneError } from "../../core/errors.ts";
import type { CommandBody } from "../../core/commands.ts";
import { oneBackfill } from "../../store/read-models/backfills.ts";
import { backfillRow } from "../backfill/show.ts";
import { EXIT } from "../exit-codes.ts";
import { carriedOut } from "../inbox.ts";
import { withEngine, withStore, type Session } from "../session.ts";
import { counted } from "../text/figures.ts";

/** `backfill pause ID`: no run of it begins; those that run go on. */
export const backfillPause = (session: Session, args: readonly string[]): Promise<number> =>
  change(session, args, (backfillId) => ({ kind: "pause_backfill", backfillId, isPaused: true, by: "cli" }));

/** `backfill resume ID`. */
export const backfillResume = (session: Session, args: readonly string[]): Promise<number> =>
  change(session, args, (backfillId) => ({ kind: "pause_backfill", backfillId, isPaused: false, by: "cli" }));

/** `backfill cancel ID`: its runs that wait have failed; those that run go on to their end. */
export const backfillCancel = (session: Session, args: readonly string[]): Promise<number> =>
  change(session, args, (backfillId) => ({ kind: "cancel_backfill", backfillId, by: "cli" }));

async function change(
  session: Session,
  [name = ""]: readonly string[],
  bodyOf: (backfillId: string) => CommandBody,
): Promise<number> {
  const { out } = session;
  const config = await session.config();
  return withStore(session, config, async (store) => {
    const known = await oneBackfill(store, name);
    if (!known) throw new NocturneError({ code: "BACKFILL_NOT_FOUND", message: `${name}: there is no such backfill` });
    const { backfillId, number } = known;
    const body = bodyOf(backfillId);
    const answer = await withEngine(session, config, store, [], () => carriedOut(session, store, body));
    const now = answer["changed"] === false ? "" : "now ";
    const waiting = Number(answer["cancelled_runs"] ?? 0);
    const said =
      body.kind === "cancel_backfill"
        ? `cancelled; ${counted(waiting, "run")} that waited ${waiting === 1 ? "has" : "have"} failed, what runs goes on`
        : `${now}${body.kind === "pause_backfill" && body.isPaused ? "paused" : "active"}`;
    out.print(`Backfill ${number} is ${said}.`);
    const changed = await oneBackfill(store, backfillId);
    out.document({ ...(changed ? backfillRow(changed) : {}), changed: answer["changed"] !== false });
    return EXIT.done;
  });
}
