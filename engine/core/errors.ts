/**
 * Every code a person can meet. docs/errors.md lists exactly these (a guard test compares).
 * `advice` says what to do next, in one sentence.
 */
export const ERRORS = {
  // A DAG file
  DAG_YAML: "Mend the YAML at the place shown.",
  DAG_UNKNOWN_KEY: "Remove the key or correct its spelling; `nocturne dags schema` prints every key.",
  DAG_INVALID: "Change the value to what the message asks for.",
  DAG_MISSING_KEY: "Add the key.",
  DAG_DUPLICATE_ID: "Give one of the two DAGs another id.",
  DAG_UNKNOWN_TASK: "Name a task of this DAG.",
  DAG_CYCLE: "Remove one of the dependencies on the path shown.",
  DAG_UNKNOWN_OPERATOR: "Use one of the operators listed by the message.",
  DAG_TEMPLATE: "Correct the template; the names it may use are in docs/guide.",
  DAG_FILE_MISSING: "Create the file, or correct its path (relative to the project's folder).",
  DAG_POOL: "Declare the pool under `pools`, with at least as many slots as its largest task takes.",
  DAG_NOT_FOUND: "`nocturne dags list` shows the DAGs that are there.",
  POOL_NOT_FOUND: "`nocturne pools list` shows the pools; a DAG makes one by naming it under `pools`.",
  // Running
  TEMPLATE_FAILED: "Look at the value the template received; `nocturne runs show` prints it.",
  FOR_EACH_INVALID: "Give `for_each` a list of at most 10,000 items; the message says what it received.",
  OUTPUT_TOO_LARGE: "Write what is larger than 64 KiB to S3 and hand on its URI.",
  PARAMS_INVALID: "Correct the rendered parameter; the message shows its value.",
  LAUNCH_UNKNOWN:
    "Look in the AWS console whether the job runs, then clear the task; set `on_doubt: resend` if a second one does no harm.",
  DUPLICATE_LAUNCH:
    "The oldest job was kept, the others were stopped. What they cost is on the bill of AWS, and not in the ledger.",
  BRANCH_INVALID: "Choose direct downstreams of the task, or groups that one of them is in; the message names them.",
  APPROVAL_REJECTED: "Somebody rejected it, and the message says who and why; clear the task to ask again.",
  SUB_RUN_FAILED: "Look at the run that the message names; once it is mended, clear this task.",
  TRIGGER_DEPTH: "Runs may trigger one another five deep: let one DAG trigger several instead of one after the other.",
  BUDGET_EXCEEDED:
    "`nocturne runs show` says what was spent on what; raise `budget.per_run` or make the run cheaper, then run it again.",
  TIMEOUT: "Raise `timeout` if the work needs longer, or look why it is slow.",
  CANCELLED: "Somebody ended this task; clear it to run it again.",
  LOST: "AWS no longer knows the job; look in its console, then clear the task.",
  INTERRUPTED: "The process that did this work died; clear the task, or set `idempotent: true`.",
  UNKNOWN_STATUS: "The service answered a status this version does not know; report it.",
  INTERNAL: "This is a bug in Nocturne: please report it with the output of `--debug`.",
  // AWS
  AWS_DENIED: "Grant the role the IAM action named in the message.",
  AWS_CREDENTIALS: "Set AWS credentials (environment, profile or role), or run with `--aws local`.",
  AWS_UNREACHABLE: "Check the endpoint, the region and the network; the task is tried again by itself.",
  AWS_REFUSED: "The service refused the request; its message says why.",
  JOB_FAILED: "Read the last log lines with `nocturne runs show`.",
  RESOURCE_GONE: "The resource ended before its work did; it is made again on retry.",
  CHECK_FAILED: "The data did not pass the check; both values are in the message.",
  WAIT_TIMEOUT: "What was waited for never arrived; check the upstream system, then clear the task.",
  // Work on this machine
  HTTP_STATUS: "The server's answer is in the message; correct the request, or name its status under `expect_status`.",
  HTTP_UNREACHABLE: "Check the address, the server and the network; clear the task once it answers.",
  SQL_FAILED: "Correct the statement at the place shown; nothing of its transaction was kept.",
  SQL_UNREACHABLE: "Check `postgres` of the task's connection in nocturne.yaml, the server and the network.",
  // Environment
  CONFIG_INVALID: "Correct nocturne.yaml at the place shown.",
  DATABASE_UNREACHABLE: "Start the database or correct DATABASE_URL; without it Nocturne starts its own Postgres.",
  DATABASE_REFUSED: "Correct the user, password or database in DATABASE_URL.",
  DATABASE_TOO_OLD: "Use Postgres 15 or newer.",
  DATABASE_NOT_MIGRATED: "Run `nocturne db migrate`.",
  DATABASE_NEWER: "This database belongs to a newer Nocturne: upgrade this one.",
  DATABASE_POOLER: "Connect directly or through a session-mode pooler.",
  DATABASE_UNSAFE: "Set fsync and synchronous_commit to on: otherwise a crash of the server loses what was promised.",
  EMBEDDED_POSTGRES: "Read the log named in the message, or set DATABASE_URL to a Postgres of your own.",
  LOCAL_AWS: "Read the log named in the message, then run the command again.",
  WRITER_HELD: "Another engine process writes for this fleet; this one may wait, or use another `fleet`.",
  PORT_TAKEN: "Stop what listens on that port or choose another one.",
  DISK_FULL: "Free some space, then run the command again: nothing was left half-written.",
  HOME_UNUSABLE: "Give this user the folder, or choose another one with `--home`.",
  ARCHIVE_FOLDER: "Give this user the folder, or choose another one with `--to`; no run has left.",
  ARCHIVE_DAMAGED:
    "Check the disk of the archive, then run `nocturne db archive` again: what is not read back whole is kept.",
  ARCHIVE_BUSY:
    "Run `nocturne db archive` again when what the message names has ended; months that are done stay done.",
  HOME_IN_USE: "Wait for the other command, or choose another folder with `--home`.",
  // Input
  USAGE: "Run the command with --help.",
  CSV_COLUMN_MISSING: "Name the columns of your file with --columns.",
  CSV_EMPTY: "Check the export that made the file, and the days of --from and --to.",
  CSV_INVALID: "Mend the file where the message says, or export it again.",
  RUN_NOT_FOUND: "`nocturne runs list` shows the runs that are there.",
  RUN_ARCHIVED: "Its rows have left; `nocturne db check` says where its month was exported to.",
  APPROVAL_NOT_FOUND: "`nocturne approvals list` shows what waits for a decision.",
  APPROVAL_DECIDED: "Nothing to do: the first decision counts; clear the task to ask again.",
  VARIABLE_NOT_FOUND: "`nocturne vars list` shows the variables that are there.",
  ASSET_NOT_FOUND: "`nocturne assets list` shows the assets that DAGs name under `produces` and `on_assets`.",
  RUN_QUARANTINED: "Read the alarm's text, mend its cause, then `nocturne runs release`.",
  TASK_NOT_FOUND: "`nocturne tasks list RUN` shows the tasks of a run.",
  ACTION_INVALID: "Change the options as the message says.",
  ACTION_REFUSED: "Do first what the message names, or wait for it; then ask again.",
  NOTHING_MATCHES: "`nocturne tasks list RUN` shows the tasks of a run and their states.",
  DAG_PAUSED: "`nocturne dags unpause` lets it run again; `nocturne dags test` runs it once beside everything.",
  BACKFILL_INVALID: "Correct the range or the options as the message says.",
  BACKFILL_ACTIVE:
    "`nocturne backfill show ID --watch` follows the one that is under way; wait for its end, or cancel it.",
  BACKFILL_OVER_BUDGET: "Raise `budget.per_run` or make the run cheaper; `--over-budget` begins all the same.",
  BACKFILL_NOT_FOUND: "`nocturne backfill list` shows the backfills that are there.",
  BACKFILL_ENDED: "Nothing to do: it has ended; `nocturne backfill show ID` says how.",
  TOKEN_NOT_FOUND: "`nocturne tokens list` shows the tokens that are there.",
  // Mail
  MAIL_NOT_CONFIGURED: "Set SMTP_URL (smtp://user:password@host:587); the mails wait until then.",
  MAIL_UNREACHABLE: "Check SMTP_URL and the mail server; the mails wait and are tried again.",
  MAIL_LOGIN: "Correct user and password in SMTP_URL; the mails wait and are tried again.",
  MAIL_REFUSED: "Correct the address under `notify`; the server will not take this mail, so it is not tried again.",
  // REST
  REQUEST_INVALID: "Correct the request: `detail` names each field.",
  UNAUTHENTICATED: "Send `Authorization: Bearer <token>`; `nocturne tokens create` makes one.",
  FORBIDDEN: "Use a token whose role and DAGs allow this.",
  NOT_FOUND: "`/api/v2/openapi.json` lists every path.",
  RUN_EXISTS: "Use the run that is there, or another dag_run_id or logical_date.",
  IDEMPOTENCY_MISMATCH: "Use a new Idempotency-Key for another request; the same key repeats the same body.",
  TOO_MANY_REQUESTS: "Wait a moment and send it again.",
  UNAVAILABLE: "The database does not answer; send it again with the same Idempotency-Key.",
} as const satisfies Record<string, string>;

export type ErrorCode = keyof typeof ERRORS;

/** What a person is told: what happened, where, and what to do next (ERRORS[code]). */
export interface Problem {
  readonly code: ErrorCode;
  readonly message: string;
  /** Where: a file position for DAG and configuration files. Lines and columns count from 1. */
  readonly at?: { readonly file: string; readonly line?: number; readonly column?: number; readonly length?: number };
  /** A better spelling, when one is near. */
  readonly didYouMean?: string;
}

/** An expected failure that has to leave through an exception; the CLI prints its problems without a stack trace. */
export class NocturneError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: Problem | readonly Problem[], options?: ErrorOptions) {
    const list = Array.isArray(problems) ? (problems as readonly Problem[]) : [problems as Problem];
    super(list.map((problem) => `${problem.code}  ${problem.message}`).join("\n"), options);
    this.name = "NocturneError";
    this.problems = list;
  }
}
