import type { DagRun, Deadline, Mail } from "../records.ts";
import type { Change, FlushBatch } from "../flush-batch.ts";

const EMPTY: FlushBatch = {
  versions: [],
  backfillsCreated: [],
  backfillsChanged: [],
  runsCreated: [],
  runsChanged: [],
  tasksCreated: [],
  tasksChanged: [],
  attemptsCreated: [],
  attemptsChanged: [],
  frozenParams: [],
  history: [],
  outputs: [],
  expansions: [],
  ledger: [],
  commandsApplied: [],
  dagsChanged: [],
  deadlinesCreated: [],
  deadlinesChanged: [],
  assetEvents: [],
  assetsQueued: [],
  mails: [],
  notes: [],
  audit: [],
  poolsSet: [],
  variables: [],
};

export interface RunBatch {
  /** null: what belongs to no run. */
  readonly runId: string | null;
  readonly batch: FlushBatch;
}

/**
 * Puts a run aside whose rows the database refuses: its row alone, as it was before the batch, with the reason. A run that
 * is new is made as it was planned, without tasks. null: the batch changed nothing of the run's own row.
 */
export function quarantineBatch({ batch }: RunBatch, run: DagRun | undefined, why: string): FlushBatch | null {
  const [created] = batch.runsCreated;
  if (created) {
    const planned = { ...created, state: "queued", startedAt: null, endedAt: null, quarantine: why } as const;
    return { ...EMPTY, runsCreated: [planned] };
  }
  const before = batch.runsChanged[0]?.from ?? run;
  return before ? { ...EMPTY, runsChanged: [{ from: before, to: { ...before, quarantine: why } }] } : null;
}

/** met and dropped may follow from the run's rows, and stay out with them: it is decided again from what is stored. */
const endsWithItsRun = ({ to }: Change<Deadline>): boolean => to.state === "met" || to.state === "dropped";

/**
 * What such a mail tells is in the run's rows: where those stay out it would be untrue, and is told again once they are
 * written. A miss is the clock's doing and stands whatever becomes of the run; a run put aside will not be in time.
 */
const tellsOfItsRun = (mail: Mail): boolean => mail.kind !== "sla_missed";

/**
 * A batch that the database refused for its data, run by run, so that only the culprit stays out (protocol rule 7):
 * versions and backfills first, each run alone with what follows from its rows, everything else last.
 * DAGs' states come last with the deadlines they make: a scheduled_until that is written before its runs would lose them if
 * the process died in between, while a run that is there before it only makes a date that is taken.
 * Memory does not know what stayed out: whoever puts a run aside reads everything again.
 */
export function splitBatch(batch: FlushBatch): RunBatch[] {
  const runIds = new Set<string>();
  for (const run of batch.runsCreated) runIds.add(run.runId);
  for (const { to } of [...batch.runsChanged, ...batch.tasksChanged, ...batch.attemptsChanged]) runIds.add(to.runId);
  const { tasksCreated, attemptsCreated, history, ledger, expansions } = batch;
  for (const rows of [tasksCreated, attemptsCreated, history, ledger, expansions]) {
    for (const { runId } of rows) runIds.add(runId);
  }
  const { versions, backfillsCreated, backfillsChanged, frozenParams, commandsApplied, dagsChanged } = batch;
  const { deadlinesCreated, deadlinesChanged, assetEvents, assetsQueued, mails } = batch;
  const alone = [...runIds].map((runId): RunBatch => {
    const is = (row: { readonly runId: string }): boolean => row.runId === runId;
    const changes = (change: { readonly to: { readonly runId: string } }): boolean => is(change.to);
    const hashes = new Set(batch.attemptsCreated.filter(is).map((attempt) => attempt.paramsHash));
    return {
      runId,
      batch: {
        ...EMPTY,
        runsCreated: batch.runsCreated.filter(is),
        runsChanged: batch.runsChanged.filter(changes),
        tasksCreated: batch.tasksCreated.filter(is),
        tasksChanged: batch.tasksChanged.filter(changes),
        attemptsCreated: batch.attemptsCreated.filter(is),
        attemptsChanged: batch.attemptsChanged.filter(changes),
        frozenParams: frozenParams.filter((params) => hashes.has(params.hash)),
        history: batch.history.filter(is),
        outputs: batch.outputs.filter(is),
        expansions: batch.expansions.filter(is),
        ledger: batch.ledger.filter(is),
        deadlinesChanged: deadlinesChanged.filter((change) => endsWithItsRun(change) && change.to.runId === runId),
        assetEvents: assetEvents.filter(({ source }) => source?.runId === runId),
        mails: mails.filter((mail) => tellsOfItsRun(mail) && mail.runId === runId),
      },
    };
  });
  const isAlone = (runId: string | null): boolean => runId !== null && runIds.has(runId);
  const rest: FlushBatch = {
    ...EMPTY,
    backfillsChanged,
    commandsApplied,
    dagsChanged,
    deadlinesCreated,
    deadlinesChanged: deadlinesChanged.filter((change) => !endsWithItsRun(change) || !isAlone(change.to.runId)),
    assetEvents: assetEvents.filter(({ source }) => !isAlone(source?.runId ?? null)),
    assetsQueued,
    mails: mails.filter((mail) => !tellsOfItsRun(mail) || !isAlone(mail.runId)),
    notes: batch.notes,
    audit: batch.audit,
    poolsSet: batch.poolsSet,
    variables: batch.variables,
  };
  return [{ runId: null, batch: { ...EMPTY, versions, backfillsCreated } }, ...alone, { runId: null, batch: rest }];
}
