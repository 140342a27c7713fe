import { EXIT } from "../exit-codes.ts";
import { findRun } from "../runs/find-run.ts";
import { runDocument, runLines } from "../runs/run-lines.ts";
import { withStore, type Session } from "../session.ts";

/** `runs show RUN`: tasks and attempts, failures with their last log lines and links. */
export async function runsShow(
  session: Session,
  [name = ""]: readonly string[],
  { dag }: { readonly dag?: string },
): Promise<number> {
  const { out } = session;
  const details = await withStore(session, await session.config(), (store) => findRun(store, name, dag));
  for (const line of runLines(details, out.colors)) out.print(line);
  out.document(runDocument(details));
  return EXIT.done;
}
