import { listPools } from "../../store/read-models/pools.ts";
import { EXIT } from "../exit-codes.ts";
import { slotless } from "../runs/waits.ts";
import { withStore, type Session } from "../session.ts";
import { table } from "../text/table.ts";

/** `pools list`: every pool with its slots, and how many are held. */
export async function poolsList(session: Session): Promise<number> {
  const { out } = session;
  const isSensor = await slotless(session.app);
  const pools = await withStore(session, await session.config(), (store) => listPools(store, isSensor));
  const right = { side: "right" as const };
  const titles = [
    { title: "POOL" },
    { title: "SLOTS", ...right },
    { title: "HELD", ...right },
    { title: "FREE", ...right },
  ];
  const cells = pools.map(({ pool, slots, held }) => [pool, slots, held, Math.max(0, slots - held)].map(String));
  if (pools.length === 0) out.print("No DAG has named a pool yet.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({ pools });
  return EXIT.done;
}
