import type { FlushBatch } from "../records.ts";

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
};

export interface RunBatch {
  /** null: what belongs to no run. */
  readonly runId: string | null;
  readonly batch: FlushBatch;
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
