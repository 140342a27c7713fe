import { setMaxListeners } from "node:events";
import type { Json, JsonObject } from "../core/json.ts";
import { specAt } from "../core/machine/active-run.ts";
import type { TaskEvent } from "../core/machine/events.ts";
import type { Touched } from "../core/machine/touches.ts";
import type { AnyOperator, Submitted, SubmitContext } from "../core/operator.ts";
import type { Attempt, TaskKey } from "../core/records.ts";
import { dagFile, frozenParams } from "../store/load.ts";
import type { EngineClock } from "./clock.ts";
import type { EngineDeps, PrepareRequest } from "./deps.ts";
import { afterOthers, type Fact } from "./facts.ts";
import { operatorContext } from "./launch-context.ts";
import type { Lease } from "./lease.ts";

/** How long a list that a task is mapped over may take to read. */
const READ_LIMIT_MS = 60_000;

export type Post = (key: TaskKey, event: TaskEvent) => void;

/**
 * Sends what attempts owe: submits, searches and cancels, each once at a time. It decides nothing: what came of a call is
 * posted as an event, and a call that ended without a clear answer is a doubt.
 */
export class Launcher {
  private reads = 0;
  private readonly underWay = new Map<string, Promise<void>>();
  private readonly stopped = new AbortController();
  /** Launches of intents that this process wrote itself, until what came of them is durable: whether a submit was begun. */
  private readonly own = new Map<string, "intended" | "begun">();
  private readonly deps: EngineDeps;
  private readonly clock: EngineClock;
  private readonly post: Post;
  /** Whether the term that is under way still holds the writer's row, by this process's own clock. */
  private holdsRow = (): boolean => true;
  /** How often another process has written since this one began. */
  private foreignTerms = 0;

  constructor(deps: EngineDeps, clock: EngineClock, post: Post) {
    this.deps = deps;
    this.clock = clock;
    this.post = post;
    // Every call under way listens: Node would take eleven of them for a leak.
    setMaxListeners(0, this.stopped.signal);
  }

  /** These attempts are about to be written: that nobody has begun to launch them stays known if memory is dropped. */
  intend(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) if (attempt.state === "open") this.own.set(attemptName(attempt), "intended");
  }

  /** What came of these submits is durable. */
  acknowledged(facts: readonly Fact[]): void {
    for (const { key, event } of facts) {
      if (event.kind !== "submitted" || event.result.kind === "doubt" || isPushedBack(event.result)) continue;
      this.own.delete(attemptName({ ...key, tryNumber: event.tryNumber }));
    }
  }

  /** A term begins. What it submits may be sent only while its row is held: a process that was stopped acts by old memory. */
  serve(lease: Pick<Lease, "isLost">): void {
    this.holdsRow = () => !lease.isLost;
  }

  /** Another process has written meanwhile, and may have launched anything. */
  disown(): void {
    this.own.clear();
    this.foreignTerms++;
  }

  submit(touched: Touched, attempt: Attempt, params: JsonObject | null): void {
    const { foreignTerms } = this;
    this.once("submit", attempt, async () => {
      const event = await this.trySubmit(touched, attempt, params);
      this.post(attempt, foreignTerms === this.foreignTerms ? event : afterOthers(event));
    });
  }

  /** Says that an intent which is being ended was never sent, unless its request is under way. */
  withdraw(attempt: Attempt): void {
    if (this.underWay.has(key("submit", attempt))) return;
    this.post(attempt, { kind: "not_sent", tryNumber: attempt.tryNumber });
  }

  /** Looks for every remote job of the launch key. A failed search says nothing: it is tried again. */
  search(touched: Touched, attempt: Attempt, params: JsonObject | null): void {
    this.once("search", attempt, async () => {
      const operator = await this.deps.operator(attempt.operator);
      if (!operator.find) return;
      const frozen = params ?? (await frozenParams(this.deps.store, attempt.paramsHash));
      const refs = (await operator.find(frozen, this.context(touched, attempt))) as Json[];
      this.post(attempt, { kind: "searched", tryNumber: attempt.tryNumber, refs });
    });
  }

  cancel(touched: Touched, attempt: Attempt, ref: Json, isDuplicate: boolean): void {
    this.once(`cancel ${JSON.stringify(ref)}`, attempt, async () => {
      const operator = await this.deps.operator(attempt.operator);
      await operator.cancel(ref, operatorContext(this.deps, touched, attempt, this.stopped.signal, this.now));
      if (!isDuplicate) return;
      this.post(attempt, { kind: "duplicate_cancelled", tryNumber: attempt.tryNumber, ref });
    });
  }

  /** Reads the list that a task is mapped over; answers the read's number. One that comes after a reload is about nobody. */
  readList({ active, position }: Touched, uri: string, request: PrepareRequest): number {
    const read = ++this.reads;
    const { task } = active.nodes[position] ?? {};
    const { connection: name, region } = specAt(active, position);
    const readOnce = async (): Promise<TaskEvent> => {
      const signal = AbortSignal.any([this.stopped.signal, AbortSignal.timeout(READ_LIMIT_MS)]);
      const list = await this.deps.readList(uri, this.deps.connection(name, region), signal);
      const prepared = this.deps.prepare({ ...request, list });
      if (prepared.kind === "mapped") return { ...prepared, kind: "expanded", read };
      if (prepared.kind === "refused") return { ...prepared, kind: "unpreparable", read };
      throw new Error(`a list that was read came to ${prepared.kind}`);
    };
    const done = readOnce()
      .catch((error: unknown): TaskEvent => {
        const message = `${uri}: ${textOf(error)}`;
        return { kind: "unpreparable", failure: { class: "retryable", code: "FOR_EACH_INVALID", message }, read };
      })
      .then((event) => {
        if (task) this.post(task, event);
        this.underWay.delete(`list/${read}`);
      });
    this.underWay.set(`list/${read}`, done);
    return read;
  }

  /** Waits for the calls that are under way, at most `limitMs`, so that their answers can still be written. */
  async settle(limitMs: number): Promise<void> {
    const limit = new Promise<void>((resolve) => setTimeout(resolve, limitMs).unref());
    await Promise.race([Promise.all(this.underWay.values()), limit]);
    this.stopped.abort();
  }

  get isIdle(): boolean {
    return this.underWay.size === 0;
  }

  private async trySubmit(touched: Touched, attempt: Attempt, params: JsonObject | null): Promise<TaskEvent> {
    const { tryNumber } = attempt;
    if (!this.clock.isBefore(attempt.sendBy) || !this.holdsRow()) return { kind: "not_sent", tryNumber };
    const ready = await this.makeReady(touched, attempt, params);
    if ("kind" in ready) return { kind: "submitted", tryNumber, result: ready };
    const { operator, frozen, context } = ready;
    const name = attemptName(attempt);
    const before = this.own.get(name);
    this.own.set(name, "begun");
    try {
      const result = await operator.submit(frozen, context);
      if (before === "intended" && isPushedBack(result)) this.own.set(name, before);
      if (result.kind !== "started" || !operator.links) return { kind: "submitted", tryNumber, result };
      return { kind: "submitted", tryNumber, result, links: operator.links(result.ref, context) };
    } catch (error) {
      this.deps.log.error({ err: error, launchKey: attempt.launchKey }, "a submit ended in an exception");
      return { kind: "submitted", tryNumber, result: { kind: "doubt", message: textOf(error) } };
    }
  }

  /** Everything before the request: what fails here was certainly not sent. */
  private async makeReady(touched: Touched, attempt: Attempt, params: JsonObject | null): Promise<Ready | Submitted> {
    try {
      const context = this.context(touched, attempt);
      const operator = await this.deps.operator(attempt.operator);
      const frozen = params ?? (await frozenParams(this.deps.store, attempt.paramsHash));
      if (!frozen) throw new Error(`the frozen parameters ${attempt.paramsHash} are missing`);
      return { operator, frozen, context };
    } catch (error) {
      this.deps.log.warn({ err: error, launchKey: attempt.launchKey }, "a launch could not be made ready");
      return { kind: "throttled", message: textOf(error) };
    }
  }

  private context(touched: Touched, attempt: Attempt): SubmitContext {
    const { versionId } = touched.active.dag.version;
    const { holdsRow } = this;
    // Spread into a larger literal it would cost as much as all else of a launch.
    return Object.assign(operatorContext(this.deps, touched, attempt, this.stopped.signal, this.now), {
      intentAt: attempt.intentAt,
      // A doubt that is only about an acknowledgement of the database is none about the launch.
      isRepeat: attempt.everInDoubt && this.own.get(attemptName(attempt)) !== "intended",
      mayStillSend: () => this.clock.isBefore(attempt.sendBy) && holdsRow(),
      requestLimitMs: this.clock.realMs(this.deps.settings.requestLimitMs),
      file: async (path: string) => {
        const bytes = await dagFile(this.deps.store, versionId, path);
        if (!bytes) throw new Error(`${path} is not stored with this version of the DAG`);
        return bytes;
      },
    });
  }

  private readonly now = (): number => this.clock.now();

  private once(what: string, attempt: Attempt, act: () => Promise<void>): void {
    const name = key(what, attempt);
    if (this.underWay.has(name)) return;
    const done = act()
      .catch((error: unknown) => {
        this.deps.log.warn({ err: error, launchKey: attempt.launchKey }, `${what} failed; it is tried again`);
      })
      .finally(() => this.underWay.delete(name));
    this.underWay.set(name, done);
  }
}

interface Ready {
  readonly operator: AnyOperator;
  readonly frozen: JsonObject;
  readonly context: SubmitContext;
}

/** It was certainly not begun, and is submitted again. */
const isPushedBack = (result: Submitted): boolean =>
  result.kind === "throttled" || (result.kind === "refused" && result.failure.class === "capacity");

const textOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

export const attemptName = ({ runId, taskNo, mapIndex, tryNumber }: TaskKey & Pick<Attempt, "tryNumber">): string =>
  `${runId}/${taskNo}/${mapIndex}/${tryNumber}`;

const key = (what: string, attempt: Attempt): string => `${what}/${attemptName(attempt)}`;
