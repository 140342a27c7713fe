import { setTimeout as delay } from "node:timers/promises";
import type { Instant } from "../../core/json.ts";
import { Zone } from "../../core/schedule/zone.ts";
import { isRunFinished, type TaskState } from "../../core/states.ts";
import { costs } from "../../store/read-models/costs.ts";
import { listMails } from "../../store/read-models/mails.ts";
import { runDetail } from "../../store/read-models/run-detail.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import type { Session } from "../session.ts";
import { costText } from "../text/figures.ts";

const LOOK_MS = 100;
/** No demo takes so long: whoever waits for one is told what is missing instead. */
const PATIENCE_MS = 180_000;
/** Bills that come after the end. */
const SETTLE_MS = 5_000;
const TOLD: readonly TaskState[] = ["running", "success", "failed", "up_for_retry", "upstream_failed"];

/** The run that a demo waits for. */
export interface Followed {
  readonly dagId: string;
  readonly dagRunId: string;
  readonly timezone: string;
}

/** Tells each change of the run by the engine's clock until it has ended and its bills are settled, or for three minutes. */
export async function followRun(session: Session, store: Store, engine: Engine, run: Followed): Promise<void> {
  const told = new Set<string>();
  const tell = (key: string, line: string): void => {
    if (told.has(key)) return;
    told.add(key);
    session.out.progress(`${clockText(engine.now(), run.timezone)}  ${line}`);
  };
  const until = performance.now() + PATIENCE_MS;
  const hasEnded = async (): Promise<boolean> => {
    const [detail, sent, spent] = await Promise.all([
      runDetail(store, run.dagId, run.dagRunId),
      listMails(store),
      costs(store, { dagId: run.dagId }),
    ]);
    for (const { taskId, state, tryNumber } of detail?.tasks ?? []) {
      if (!TOLD.includes(state)) continue;
      const cost = spent.currency === null ? "" : `, ${costText(spent)} spent`;
      tell(
        `${taskId}/${tryNumber}/${state}`,
        `${taskId}: ${state}${tryNumber > 1 ? ` (try ${tryNumber})` : ""}${cost}`,
      );
    }
    for (const { messageId, kind, to, subject } of sent.toReversed()) {
      tell(messageId, session.out.colors.yellow(`mail ${kind} to ${to}: ${subject}`));
    }
    return detail !== null && isRunFinished(detail.run.state);
  };
  while (!(await hasEnded()) && performance.now() < until) {
    await delay(LOOK_MS, undefined, { signal: session.interrupted });
  }
  await Promise.race([engine.settled(), delay(SETTLE_MS, undefined, { ref: false })]);
  await hasEnded();
}

/** "2026-01-02 06:00": what the wall shows in `timezone`. */
export function clockText(at: Instant, timezone: string): string {
  return new Date(Zone.of(timezone).wall(at)).toISOString().slice(0, 16).replace("T", " ");
}
