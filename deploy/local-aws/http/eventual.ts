import { AwsError } from "../contract.ts";

const STARTS = /\.(StartJobRun|RunJobFlow|AddJobFlowSteps|ExecuteStatement|BatchExecuteStatement|StartQueryExecution)$/;
const LOOKS = /\.(Get|BatchGet|Describe|List)/;
const ID_MEMBERS = ["JobRunId", "JobFlowId", "StepIds", "Id", "QueryExecutionId"] as const;
/** What each service says of an id it does not know. */
const NOT_FOUND: Readonly<Record<string, readonly [code: string, status: number]>> = {
  Glue: ["EntityNotFoundException", 400],
  EMR: ["InvalidRequestException", 400],
  RedshiftData: ["ResourceNotFoundException", 404],
  Athena: ["InvalidRequestException", 400],
};
const REMEMBERED = 10_000;

/** Knows when each remote job was started, so that an `eventual` fault can hide the young ones from looks and lists. */
export class YoungJobs {
  readonly #startedAt = new Map<string, number>();

  started(operation: string, answer: object, now: number): void {
    if (!STARTS.test(operation)) return;
    const members = answer as Readonly<Record<string, unknown>>;
    for (const id of ID_MEMBERS.flatMap((member) => members[member] ?? [])) {
      if (typeof id === "string") this.#startedAt.set(id, now);
    }
    const oldest = this.#startedAt.keys().next().value;
    if (this.#startedAt.size > REMEMBERED && oldest !== undefined) this.#startedAt.delete(oldest);
  }

  /** The service's not-found error when the request looks at a job younger than `ms`; null when it may be seen. */
  refusal(operation: string, body: string, now: number, ms: number): AwsError | null {
    if (!LOOKS.test(operation)) return null;
    const id = /"([^"\\]+)"/g;
    for (const [, text = ""] of body.matchAll(id)) {
      if (!this.#isYoung(text, now, ms)) continue;
      const [code, status] = NOT_FOUND[operation.split(".")[0] ?? ""] ?? ["ResourceNotFoundException", 404];
      return new AwsError(code, `fault: ${text} is not visible yet`, status);
    }
    return null;
  }

  /** The answer without the list entries that stand for jobs younger than `ms`. */
  withoutYoung(operation: string, answer: object, now: number, ms: number): object {
    if (!LOOKS.test(operation)) return answer;
    const visible = (item: unknown): boolean => {
      if (typeof item === "string") return !this.#isYoung(item, now, ms);
      if (typeof item !== "object" || item === null) return true;
      const members = item as Readonly<Record<string, unknown>>;
      return ID_MEMBERS.every((member) => !this.#isYoung(members[member], now, ms));
    };
    return Object.fromEntries(
      Object.entries(answer).map(([name, value]: [string, unknown]) => [
        name,
        Array.isArray(value) ? value.filter(visible) : value,
      ]),
    );
  }

  #isYoung(id: unknown, now: number, ms: number): boolean {
    const startedAt = typeof id === "string" ? this.#startedAt.get(id) : undefined;
    return startedAt !== undefined && now - startedAt < ms;
  }
}
