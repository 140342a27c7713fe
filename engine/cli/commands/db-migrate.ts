import { EXIT } from "../exit-codes.ts";
import type { Session } from "../session.ts";
import { withStore } from "../session.ts";

/** `db migrate`: brings the fleet's schema up to this version. Opening a store does it; here nothing else happens. */
export async function dbMigrate(session: Session): Promise<number> {
  const config = await session.config();
  await withStore(session, config, async () => undefined);
  session.out.print(`The schema ${config.fleet} is up to date with Nocturne ${session.app.version}.`);
  session.out.document({ ok: true, fleet: config.fleet, version: session.app.version });
  return EXIT.done;
}
