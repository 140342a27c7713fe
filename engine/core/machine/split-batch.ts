import type { DagRun, FlushBatch } from "../records.ts";

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
  ledger: [],
  commandsApplied: [],
  dagsChanged: [],
  deadlinesCreated: [],
  deadlinesChanged: [],
  mails: [],
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

/**
 * A batch that the database refused for its data, run by run, so that only the culprit stays out (protocol rule 7):
 * versions and backfills first, each run alone, the results of commands last.
 */
export function splitBatch(batch: FlushBatch): RunBatch[] {
  const runIds = new Set<string>();
  for (const run of batch.runsCreated) runIds.add(run.runId);
  for (const { to } of [...batch.runsChanged, ...batch.tasksChanged, ...batch.attemptsChanged]) runIds.add(to.runId);
  for (const row of [...batch.tasksCreated, ...batch.attemptsCreated, ...batch.history, ...batch.ledger]) {
    runIds.add(row.runId);
  }
  const { versions, backfillsCreated, backfillsChanged, frozenParams, commandsApplied } = batch;
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
        ledger: batch.ledger.filter(is),
      },
    };
  });
  return [
    { runId: null, batch: { ...EMPTY, versions, backfillsCreated } },
    ...alone,
    { runId: null, batch: { ...EMPTY, backfillsChanged, commandsApplied } },
  ];
}
