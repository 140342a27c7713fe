import { NocturneError } from "../../core/errors.ts";
import { EXIT } from "../exit-codes.ts";
import { carriedOut } from "../inbox.ts";
import { withEngine, withStore, type Session } from "../session.ts";

/** `pools set POOL SLOTS`: until a DAG that names the pool is published anew; what runs goes on. */
export async function poolsSet(session: Session, [pool = "", slots = ""]: readonly string[]): Promise<number> {
  const { out } = session;
  if (!/^\d{1,6}$/.test(slots)) {
    throw new NocturneError({ code: "USAGE", message: `${slots}: expected a whole number of slots from 0 to 999999` });
  }
  const config = await session.config();
  const body = { kind: "set_pool", pool, slots: Number(slots), by: "cli" } as const;
  const answer = await withStore(session, config, (store) =>
    withEngine(session, config, store, [], () => carriedOut(session, store, body)),
  );
  const before = Number(answer["slots_before"]);
  out.print(`${pool} has ${slots} slots now, ${before} before.`);
  out.document({ pool, slots: Number(slots), slots_before: before });
  return EXIT.done;
}
