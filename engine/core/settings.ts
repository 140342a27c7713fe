/** Every duration the protocol names, in milliseconds: production takes seconds where tests take a few hundred. */
export interface EngineSettings {
  /** How long the writer's row is valid without a renewal (rule 2). */
  readonly writerTtlMs: number;
  readonly writerRenewMs: number;
  /** From the intent to send_by (rule 15). */
  readonly sendWindowMs: number;
  /** The longest a sent request may take to arrive (rule 16). */
  readonly requestLimitMs: number;
  /** Overrides the visibility delay operators declare (rule 16); null: theirs. */
  readonly visibilityMs: number | null;
  /** How long a throttled launch waits at first; doubles up to 120 times that. */
  readonly pushbackMs: number;
  /** A second search for duplicates, after send_by (rule 17). */
  readonly searchAgainMs: number;
  /** `lost` needs this long, and three looks, without a sight of the job (rule 20). */
  readonly lostAfterMs: number;
  /** First interval between looks; doubles up to pollMaxMs (rule 21). */
  readonly pollMinMs: number;
  readonly pollMaxMs: number;
  /** An end that AWS has not confirmed for this long raises an alarm (rule 23). */
  readonly endingAlarmMs: number;
  /** How many launches may be under way at once; intents are written only for these (rule 15). */
  readonly maxSubmits: number;
  /** How soon a cancel or a search that has not helped yet is repeated, at first. */
  readonly repeatMs: number;
  /** Misses of deadlines that passed longer ago than this are told in one message. */
  readonly alertWindowMs: number;
  /** About how many rows of new work one flush derives (rule 6). */
  readonly maxNewRowsPerFlush: number;
}

export const DEFAULT_SETTINGS: EngineSettings = {
  writerTtlMs: 6_000,
  writerRenewMs: 2_000,
  sendWindowMs: 20_000,
  requestLimitMs: 10_000,
  visibilityMs: null,
  pushbackMs: 500,
  searchAgainMs: 16 * 60_000,
  lostAfterMs: 120_000,
  pollMinMs: 2_000,
  pollMaxMs: 30_000,
  endingAlarmMs: 15 * 60_000,
  maxSubmits: 64,
  repeatMs: 1_000,
  alertWindowMs: 24 * 3_600_000,
  maxNewRowsPerFlush: 200,
};
