import { EXIT } from "../exit-codes.ts";
import { findRun } from "../runs/find-run.ts";
import { runDocument, runLines } from "../runs/run-lines.ts";
import { waitsOf, waitText } from "../runs/waits.ts";
import { withStore, type Session } from "../session.ts";

/** `runs show RUN`: tasks and attempts, failures with their last log lines and links, and what waits for what. */
export async function runsShow(
  session: Session,
  [name = ""]: readonly string[],
  { dag }: { readonly dag?: string },
): Promise<number> {
  const { out } = session;
  const { details, waits } = await withStore(session, await session.config(), async (store) => {
    const details = await findRun(store, name, dag);
    return { details, waits: await waitsOf(session.app, store, details) };
  });
  for (const line of runLines(details, out.colors)) out.print(line);
  if (waits.length > 0) out.print("");
  for (const wait of waits) out.print(waitText(wait));
  const waiting = waits.map(({ taskId, count, why }) => ({ task_id: taskId, instances: count, why }));
  out.document({ ...runDocument(details), waiting });
  return EXIT.done;
}
