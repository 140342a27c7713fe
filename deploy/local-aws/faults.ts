import { AwsError } from "./contract.ts";

/** Faults of one request: they strike before or after its handler. */
const REQUEST_KINDS = [
  "throttle",
  "error500",
  "html503",
  "reset_before",
  "reset_after",
  "hang",
  "hang_after",
  "slow",
  "clock_skew",
] as const;
/** Faults of a remote job: its service asks for them when it starts one. */
const JOB_KINDS = ["capacity", "fail_run", "stall_run"] as const;

export type RequestFaultKind = (typeof REQUEST_KINDS)[number];
type JobFaultKind = (typeof JOB_KINDS)[number];
type FaultKind = RequestFaultKind | JobFaultKind | "eventual";

const KINDS: readonly FaultKind[] = [...REQUEST_KINDS, ...JOB_KINDS, "eventual"];

/** A fault that a remote job carries with it. */
export interface JobFault {
  readonly kind: JobFaultKind;
  readonly ms: number | null;
}

/** A fault as POST /_local/faults takes it. */
interface Fault {
  readonly operation: string;
  readonly kind: FaultKind;
  /** How often it strikes; null: until cleared. */
  readonly times: number | null;
  readonly ms: number | null;
  readonly match: string | null;
}

interface ActiveFault extends Fault {
  remaining: number | null;
}

/** The faults asked for and not yet used up. The one place that decides whether a fault strikes. */
export class Faults {
  #active: ActiveFault[] = [];

  /** Takes a fault as a person wrote it; throws an AwsError that says what is wrong with it. */
  add(document: unknown): void {
    const fault = parseFault(document);
    this.#active.push({ ...fault, remaining: fault.times });
  }

  clear(): void {
    this.#active = [];
  }

  list(): readonly object[] {
    return this.#active.map((fault) => ({ ...fault }));
  }

  /** The next fault for this request, used up by one; null when it may pass. */
  takeForRequest(
    operation: string,
    body: string,
  ): { readonly kind: RequestFaultKind; readonly ms: number | null } | null {
    const fault = this.#find(REQUEST_KINDS, operation, body);
    return fault === null ? null : { kind: use(fault).kind as RequestFaultKind, ms: fault.ms };
  }

  /** The next fault of these kinds for a remote job that `operation` starts; `input` is what the match is looked for in. */
  takeForJob(kinds: readonly JobFaultKind[], operation: string, input: unknown): JobFault | null {
    const fault = this.#find(kinds, operation, JSON.stringify(input));
    return fault === null ? null : { kind: use(fault).kind as JobFaultKind, ms: fault.ms };
  }

  /** For how many milliseconds after its start a job is hidden from this request; 0 without such a fault. */
  hiddenMs(operation: string, body: string): number {
    return this.#find(["eventual"], operation, body)?.ms ?? 0;
  }

  /** Counts one answer that an `eventual` fault changed. */
  useHidden(operation: string, body: string): void {
    const fault = this.#find(["eventual"], operation, body);
    if (fault !== null) use(fault);
  }

  #find(kinds: readonly FaultKind[], operation: string, body: string): ActiveFault | null {
    return (
      this.#active.find(
        (fault) =>
          fault.remaining !== 0 &&
          kinds.includes(fault.kind) &&
          (fault.operation === "*" || fault.operation === operation) &&
          (fault.match === null || body.includes(fault.match)),
      ) ?? null
    );
  }
}

function use(fault: ActiveFault): ActiveFault {
  if (fault.remaining !== null) fault.remaining--;
  return fault;
}

function parseFault(document: unknown): Fault {
  const wrong = (message: string) => new AwsError("InvalidFault", message);
  if (typeof document !== "object" || document === null) throw wrong("a fault is an object {operation, kind, …}");
  const { operation, kind, times, ms, match, ...rest } = document as Record<string, unknown>;
  const known = KINDS.find((name) => name === kind);
  if (known === undefined) throw wrong(`kind must be one of ${KINDS.join(", ")}`);
  if (typeof operation !== "string" || !/^(\*|\w+\.\w+)$/.test(operation)) {
    throw wrong('operation must be "Service.Operation" or "*"');
  }
  if (Object.keys(rest).length > 0) throw wrong(`unknown member ${Object.keys(rest).join(", ")}`);
  if (match !== undefined && typeof match !== "string") throw wrong("match must be a text");
  return {
    operation,
    kind: known,
    times: count(times, "times") ?? (known === "eventual" ? null : 1),
    ms: count(ms, "ms"),
    match: match ?? null,
  };
}

function count(value: unknown, name: string): number | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0) {
    throw new AwsError("InvalidFault", `${name} must be a whole number`);
  }
  return value;
}
