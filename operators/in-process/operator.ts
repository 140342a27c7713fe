import type { OperatorHost } from "../../engine/core/operator-host.ts";
import type {
  Observation,
  Operator,
  OperatorDescriptor,
  SubmitContext,
  Submitted,
} from "../../engine/core/operator.ts";
import { LogTail } from "./log-tail.ts";
import { begin, BOOT_ID, cancel, isKnown, logOf, look, running, timesLetGo, type Outcome } from "./works.ts";

/** Where the work runs. It is never adopted: only the process of `boot` can say how it stands. */
export interface WorkRef {
  readonly boot: string;
  readonly key: string;
  readonly idempotent: boolean;
}

/** One piece of work under way: `stop` is aborted with a StopReason. */
export interface Running<P> {
  readonly params: P;
  readonly context: SubmitContext;
  readonly host: OperatorHost;
  readonly stop: AbortSignal;
  readonly log: LogTail;
}

interface InProcess<P, Ready> {
  readonly facts: Omit<OperatorDescriptor, "load" | "params"> & { readonly params: Operator<P>["params"] };
  /** How many may run at once; the rest wait in the engine. */
  readonly places: (host: OperatorHost) => number;
  /** Whether work of which nobody knows how far it got may be done again. */
  readonly isIdempotent: (params: P) => boolean;
  /** Everything before the work begins; what fails here has certainly done nothing. */
  readonly prepare: (params: P, context: SubmitContext, host: OperatorHost) => Promise<Prepared<Ready>>;
  readonly run: (work: Running<Ready>) => Promise<Outcome>;
}

export type Prepared<Ready> =
  { readonly ready: Ready } | { readonly refused: Extract<Submitted, { kind: "refused" }>["failure"] };

/** How soon a launch that found no place asks again. */
const FULL_AGAIN_MS = 1_000;

/**
 * An operator whose work runs in this process or a child of it (protocol rule 19): bounded in number, dead when its owner
 * is, never adopted. After a restart it is interrupted, and done again only when it is idempotent.
 */
export const inProcessOperator =
  <P, Ready>(kind: InProcess<P, Ready>) =>
  (host: OperatorHost): Operator<P, WorkRef> => ({
    ...kind.facts,
    batchSize: 500,
    submit: (params, context) => submit(kind, host, params, context),
    observe: async (jobs) => jobs.map(({ ref }) => observation(ref)),
    cancel: async (ref) => {
      if (ref.boot === BOOT_ID) cancel(ref.key);
    },
    logTail: async (ref, _context, lines) => (ref.boot === BOOT_ID ? logOf(ref.key, lines) : []),
  });

async function submit<P, Ready>(
  kind: InProcess<P, Ready>,
  host: OperatorHost,
  params: P,
  context: SubmitContext,
): Promise<Submitted<WorkRef, never>> {
  const { type } = kind.facts;
  const { launchKey } = context;
  const idempotent = kind.isIdempotent(params);
  const started = { kind: "started", ref: { boot: BOOT_ID, key: launchKey, idempotent } } as const;
  // The answer to an earlier submit was lost with the engine's memory, the work was not.
  if (isKnown(launchKey)) return started;
  if (context.isRepeat && !idempotent) return { kind: "refused", failure: INTERRUPTED };
  let prepared: Prepared<Ready>;
  const letGoes = timesLetGo();
  try {
    prepared = await kind.prepare(params, context, host);
  } catch (error) {
    return { kind: "throttled", message: error instanceof Error ? error.message : String(error) };
  }
  if ("refused" in prepared) return { kind: "refused", failure: prepared.refused };
  const places = kind.places(host);
  if (running(type) >= places) {
    return { kind: "throttled", message: `${places} of ${type} run already`, retryAfterMs: FULL_AGAIN_MS };
  }
  if (!context.mayStillSend() || timesLetGo() > letGoes) return { kind: "throttled", message: "send_by passed" };
  const log = new LogTail();
  const { ready } = prepared;
  begin(launchKey, type, log, (stop) => kind.run({ params: ready, context, host, stop, log }));
  return started;
}

const INTERRUPTED = {
  class: "permanent",
  code: "INTERRUPTED",
  message: "the process that did this work ended, and how far the work got is unknown",
} as const;

function observation(ref: WorkRef): Observation {
  // What died with its process can be done again under the same key: the engine does so for this class (rule 19).
  if (ref.boot !== BOOT_ID) {
    return { kind: "failed", failure: ref.idempotent ? { ...INTERRUPTED, class: "retryable" } : INTERRUPTED };
  }
  const outcome = look(ref.key);
  if (outcome === undefined) return { kind: "unseen" };
  // A look costs nothing here: the shortest interval will do.
  return outcome ?? { kind: "running", detail: "running", pollAfterMs: 0 };
}
