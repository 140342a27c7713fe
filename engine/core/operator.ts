import type { ZodType } from "zod";
import type { Instant, Json, JsonObject } from "./json.ts";
import type { ErrorCode } from "./errors.ts";
import type { OperatorHost } from "./operator-host.ts";

/**
 * How one launch key stays one remote job (protocol rule 14).
 * - token: the service itself drops a second request with the same token, for `ttlMs`
 * - name: the service refuses a second job of that name
 * - find: no token; after `visibilityMs` a job that was started can be found by its launch key
 * - at_least_once: none of these; in doubt the task fails with LAUNCH_UNKNOWN
 * - in_process: the work happens in our process and ends with it; the operator knows whether it may be done again
 * - sensor: nothing is launched; submit only says what to look at, and looking is free to repeat
 */
export type Launch =
  | { readonly kind: "token"; readonly ttlMs: number; readonly maxLength: number }
  | { readonly kind: "name" }
  | { readonly kind: "find"; readonly visibilityMs: number }
  | { readonly kind: "at_least_once" }
  | { readonly kind: "in_process" }
  | { readonly kind: "sensor" };

/** retryable: try again · permanent: trying again cannot help · denied: permissions · capacity: the service is full · resource_gone: what it ran on ended · lost: AWS forgot it */
export type FailureClass = "retryable" | "permanent" | "denied" | "capacity" | "resource_gone" | "lost";

export interface TaskFailure {
  readonly class: FailureClass;
  readonly code: ErrorCode;
  /** What the service or the check said, for people. Cleaned of NUL and cut by the engine. */
  readonly message: string;
}

/** A billable quantity so far. Monotone per attempt and kind; `quantity` is an exact decimal as text. */
export interface Usage {
  /** The key of a price: "glue.dpu_hour", "athena.tb_scanned", "redshift.rpu_hour", "emr.m5.xlarge.instance_hour". */
  readonly kind: string;
  readonly quantity: string;
  readonly unit: string;
}

/**
 * Where a task's success leads: only on to the `chosen` ones of its direct downstreams (the others are skipped, but for
 * those that a chosen one leads to), or no further: `stop` skips all that follows, or the direct downstreams alone.
 */
export type Leads = { readonly chosen: readonly string[] } | { readonly stop: "all" | "direct" };

/** What a task that waits for a person's word wants to know, and whom it asks beside those who want such news. */
export interface Question {
  readonly message: string;
  /** E-mail addresses. */
  readonly approvers: readonly string[];
  /** When it is too late for an answer; null: never. */
  readonly until: Instant | null;
}

export type Submitted<Ref = Json, Out = Json> =
  | { readonly kind: "started"; readonly ref: Ref; readonly asks?: Question }
  /** Without an output: there is nothing that downstreams could read. */
  | { readonly kind: "done"; readonly output?: Out; readonly usage?: readonly Usage[]; readonly leads?: Leads }
  | { readonly kind: "refused"; readonly failure: TaskFailure }
  | { readonly kind: "throttled"; readonly message: string; readonly retryAfterMs?: number }
  | { readonly kind: "doubt"; readonly message: string };

export type Observation<Out = Json> =
  | {
      readonly kind: "running";
      /** The service's own status word, for people. */
      readonly detail: string;
      readonly progress?: number;
      readonly usage?: readonly Usage[];
      readonly pollAfterMs?: number;
    }
  | {
      readonly kind: "succeeded";
      readonly output: Out;
      readonly usage?: readonly Usage[];
      /** Late billing figures, or a meter that stays open: look again after this long. Absent: `usage` is final. */
      readonly settleAfterMs?: number;
      readonly leads?: Leads;
    }
  | { readonly kind: "failed"; readonly failure: TaskFailure; readonly usage?: readonly Usage[] }
  /** AWS does not know this id (yet, or any more). */
  | { readonly kind: "unseen" };

export interface Link {
  readonly label: string;
  readonly url: string;
}

/** A connection of nocturne.yaml, as the operators read it. `settings` is checked by operators/aws. */
export interface Connection {
  readonly name: string;
  readonly region: string;
  readonly settings: JsonObject;
}

/** When a task's run is due, and where what it covers ends. */
export interface RunTimes {
  /** The DAG's zone: an IANA name. */
  readonly timezone: string;
  readonly dueAt: Instant;
  readonly intervalEndAt: Instant;
}

/** What every call of an operator is given. */
export interface OperatorContext {
  readonly dagId: string;
  readonly dagRunId: string;
  readonly taskId: string;
  readonly tryNumber: number;
  /** 48 hex characters; one remote job per key (protocol rule 13). */
  readonly launchKey: string;
  readonly connection: Connection;
  readonly times: RunTimes;
  readonly signal: AbortSignal;
  /** The engine's time; usage of what still runs counts to here. Over a scaled local-aws it runs as fast as that does. */
  now(): Instant;
}

/** What submit and find are given beside it. */
export interface SubmitContext extends OperatorContext {
  /** When the intent was written, by the engine's clock. A search for the job looks from five minutes before it. */
  readonly intentAt: Instant;
  /** Whether an earlier submit of this attempt may have begun the work: its answer was lost, or the process that did it died. */
  readonly isRepeat: boolean;
  /** False once send_by has passed by the engine's clock: the last middleware before the socket asks this (rule 15). */
  mayStillSend(): boolean;
  /** A request that has not been answered for so long is given up: a search counts on it that it arrives no more (rule 16). */
  readonly requestLimitMs: number;
  /** The bytes of a file the DAG names, as stored with the DAG's version (rule 28). */
  file(path: string): Promise<Uint8Array>;
}

/** A remote job to look at, with the context it was started under. */
export interface Observed<Ref = Json> {
  readonly ref: Ref;
  readonly launchKey: string;
  readonly context: OperatorContext;
}

/**
 * One kind of work. Submits, looks and cancels; never sleeps, never retries, never touches the database.
 * Protocol rules 13 to 24 say what the engine does with the answers.
 */
export interface Operator<P = Json, Ref = Json, Out = Json> {
  /** "glue.job": stored in the database, never renamed. */
  readonly type: string;
  readonly summary: string;
  readonly params: ZodType<P>;
  readonly launch: Launch;
  /** Looked at in batches: at most this many references a call of observe. */
  readonly batchSize: number;
  submit(params: P, context: SubmitContext): Promise<Submitted<Ref, Out>>;
  /** Every remote job of context.launchKey, oldest first. Required where launch is find. */
  find?(params: P, context: SubmitContext): Promise<Ref[]>;
  /** One batched look, same length and order as `jobs`. All of one call share operator and connection. */
  observe(jobs: readonly Observed<Ref>[], signal: AbortSignal): Promise<Observation<Out>[]>;
  /** Asks the service to end the job. Safe to repeat, also after the job ended. */
  cancel(ref: Ref, context: OperatorContext): Promise<void>;
  /** Expected usage before launch, for the estimate. */
  estimate?(params: P): Usage[];
  /** AWS console and logs. */
  links?(ref: Ref, context: OperatorContext): Link[];
  /** The job's last log lines (at most `lines`), oldest first; [] when there are none. */
  logTail?(ref: Ref, context: OperatorContext, lines: number): Promise<string[]>;
}

/** An operator whose types are hidden: what registries and the engine hold. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any -- existential: each operator checks its own types on the way in
export type AnyOperator = Operator<any, any, any>;

/** The parts of an operator that load without the AWS clients: what reading a DAG needs. */
export interface OperatorDescriptor {
  readonly type: string;
  readonly summary: string;
  readonly params: ZodType;
  readonly launch: Launch;
  /**
   * Only where one request to the service shows many jobs: which of them it shows together (a Glue job's runs, by the job's
   * name). Those of one answer are looked at by one call of observe, some of them earlier than they would be alone.
   */
  readonly shownTogether?: (ref: unknown) => string;
  /** Its tasks only wait and hold no slot, as sensors do (protocol rule 22). */
  readonly holdsNoSlot?: boolean;
  /**
   * Only where a task asks nobody: what comes of it, which follows from its parameters alone. The machine decides it together
   * with the intent, and no limit of requests under way holds it up.
   */
  decide?(params: JsonObject): Submitted;
  /** Fields of `with` whose values are paths of files in the project (top-level field names; a map's values, a list's items or a string). */
  readonly fileFields: readonly string[];
  /** Loads the clients and answers the operator. `host` is for those whose work runs on this machine. */
  load(host: OperatorHost): Promise<AnyOperator>;
}
