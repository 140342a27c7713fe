import type { ErrorCode } from "../core/errors.ts";

export const EXIT = { done: 0, failed: 1, usage: 2, notFound: 3, refused: 4, interrupted: 130 } as const;

const CODES: Partial<Record<ErrorCode, number>> = {
  USAGE: EXIT.usage,
  BACKFILL_INVALID: EXIT.usage,
  CONFIG_INVALID: EXIT.usage,
  CSV_COLUMN_MISSING: EXIT.usage,
  DAG_NOT_FOUND: EXIT.notFound,
  POOL_NOT_FOUND: EXIT.notFound,
  ASSET_NOT_FOUND: EXIT.notFound,
  APPROVAL_NOT_FOUND: EXIT.notFound,
  APPROVAL_DECIDED: EXIT.refused,
  RUN_NOT_FOUND: EXIT.notFound,
  VARIABLE_NOT_FOUND: EXIT.notFound,
  TOKEN_NOT_FOUND: EXIT.notFound,
  TASK_NOT_FOUND: EXIT.notFound,
  ACTION_INVALID: EXIT.usage,
  ACTION_REFUSED: EXIT.refused,
  NOTHING_MATCHES: EXIT.refused,
  BACKFILL_NOT_FOUND: EXIT.notFound,
  NOT_FOUND: EXIT.notFound,
  HOME_IN_USE: EXIT.refused,
  WRITER_HELD: EXIT.refused,
  RUN_QUARANTINED: EXIT.refused,
  RUN_EXISTS: EXIT.refused,
  RUN_ARCHIVED: EXIT.refused,
  ARCHIVE_BUSY: EXIT.refused,
  DAG_PAUSED: EXIT.refused,
  BACKFILL_ACTIVE: EXIT.refused,
  BACKFILL_OVER_BUDGET: EXIT.refused,
  BACKFILL_ENDED: EXIT.refused,
  FORBIDDEN: EXIT.refused,
  PORT_TAKEN: EXIT.refused,
};

/** What the process ends with when it fails for this reason. */
export const exitCodeOf = (code: ErrorCode): number => CODES[code] ?? EXIT.failed;

/** The end of every --help. */
export const EXIT_CODE_HELP = `
Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 not found, 4 refused, 130 interrupted by Ctrl-C.`;
