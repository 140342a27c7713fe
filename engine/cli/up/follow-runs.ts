import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import { listDeadlines, type DeadlineSummary } from "../../store/read-models/deadlines.ts";
import { newestRunId, runMarks } from "../../store/read-models/run-marks.ts";
import type { Session } from "../session.ts";
import { counted, timeText } from "../text/figures.ts";
import type { FolderReport } from "./folder-report.ts";
import { runNews, type KnownRuns } from "./run-news.ts";

const LOOK_MS = 1_000;
/** Misses are rare and their mail goes out without this look, so only each fifth one asks for them. */
const LOOKS_A_MISS = 5;
const NEWEST_MISSES = 50;

/**
 * Tells on standard error when runs begin and end and deadlines are missed, whoever decided it, until the function it answers
 * is called. A database that is away is looked at again.
 */
export function followRuns(session: Session, store: Store, engine: Engine, report: FolderReport): () => void {
  const { out } = session;
  let known: KnownRuns | null = null;
  let missed: ReadonlySet<string> | null = null;
  let after = "";
  let looks = 0;
  let isWriting = engine.isWriting;
  let timer: NodeJS.Timeout | undefined;
  let isStopped = false;
  const tell = (line: string): void => out.progress(`${timeText(engine.now())}  ${line}`);

  async function look(): Promise<void> {
    if (known === null) after = await newestRunId(store);
    const marks = await runMarks(store, { after, runIds: [...(known?.keys() ?? [])] });
    const isMissDue = missed === null || looks++ % LOOKS_A_MISS === 0;
    const misses = isMissDue ? await listDeadlines(store, { limit: NEWEST_MISSES }) : null;
    if (isStopped) return;
    const news = runNews(known ?? new Map(), marks);
    if (known !== null) news.lines.forEach(tell);
    else if (news.known.size > 0) tell(`carrying on ${counted(news.known.size, "run")}`);
    known = news.known;
    for (const { runId } of marks) if (runId > after) after = runId;
    if (misses !== null) {
      for (const each of misses) if (missed !== null && !missed.has(keyOf(each))) tell(missLine(each));
      missed = new Set(misses.map(keyOf));
    }
    if (engine.isWriting && !isWriting) {
      tell("this process writes now");
      report.tellAnew();
    }
    if (!engine.isWriting && isWriting) tell("this process stands by now");
    isWriting = engine.isWriting;
    if (isWriting) await report.settle();
  }

  let isAway = false;

  /** A database that is away is said once, and once that it is back. */
  async function lookAndTell(): Promise<void> {
    try {
      await look();
      if (isAway) tell("the database answers again");
      isAway = false;
    } catch (error) {
      if (!isAway && !isStopped) tell(`the database does not answer: ${(error as Error).message}`);
      isAway = true;
    }
    if (!isStopped) timer = setTimeout(() => void lookAndTell(), LOOK_MS);
  }

  void lookAndTell();
  return () => {
    isStopped = true;
    clearTimeout(timer);
  };
}

const keyOf = ({ dagId, dueAt, rule }: DeadlineSummary): string => `${dagId} ${dueAt} ${rule}`;

function missLine({ dagId, rule, deadlineAt, dueAt, dagRunId, runState }: DeadlineSummary): string {
  const run = dagRunId === null ? `no run of ${timeText(dueAt)} was made` : `${dagRunId} is ${runState ?? "not known"}`;
  return `${dagId}  missed ${rule}, due by ${timeText(deadlineAt)}: ${run}`;
}
