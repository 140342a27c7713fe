import { fork, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import type { RunnerJob, RunnerMessage } from "./contract.ts";

export type WorkEnd =
  { readonly kind: "succeeded" } | { readonly kind: "cancelled" } | { readonly kind: "failed"; readonly error: string };

/** Work under way in a process of its own. */
export interface Work {
  /** Never rejects. */
  readonly ended: Promise<WorkEnd>;
  cancel(): void;
}

export interface WorkEvents {
  /** A process has taken it up. */
  started(): void;
  log(line: string): void;
}

interface Waiting {
  readonly job: RunnerJob;
  readonly events: WorkEvents;
  readonly end: (end: WorkEnd) => void;
}

/**
 * Runner processes, one job at a time each, that stay warm. Another one starts when a job finds none idle, up to `size`.
 * A runner that dies fails only its job; killing it is how a job is cancelled.
 */
export class RunnerPool {
  readonly #program: string;
  readonly #size: number;
  readonly #idle = new Set<ChildProcess>();
  readonly #busy = new Map<ChildProcess, Waiting>();
  #waiting: Waiting[] = [];
  #stopped = false;

  constructor(program: string, size: number) {
    this.#program = program;
    this.#size = size;
  }

  run(job: RunnerJob, events: WorkEvents): Work {
    const { promise, resolve } = withResolvers<WorkEnd>();
    const waiting: Waiting = { job, events, end: resolve };
    if (!existsSync(this.#program)) {
      resolve({ kind: "failed", error: "LocalRunner: the runner is not built; run npm run build" });
    } else {
      this.#waiting.push(waiting);
      this.#assign();
    }
    return { ended: promise, cancel: () => this.#cancel(waiting) };
  }

  /** Starts the first one before there is a job for it. */
  warm(): void {
    if (this.#idle.size + this.#busy.size === 0 && existsSync(this.#program)) this.#start();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    const children = [...this.#idle, ...this.#busy.keys()];
    for (const { end } of [...this.#waiting, ...this.#busy.values()]) end({ kind: "cancelled" });
    this.#waiting = [];
    await Promise.all(children.map((child) => exited(child)));
  }

  #assign(): void {
    while (this.#waiting.length > 0 && !this.#stopped) {
      const child = this.#idle.values().next().value ?? this.#start();
      const next = child === null ? undefined : this.#waiting.shift();
      if (child === null || next === undefined) return;
      this.#idle.delete(child);
      this.#busy.set(child, next);
      next.events.started();
      child.send(next.job);
    }
  }

  /** null when there are as many as there may be. */
  #start(): ChildProcess | null {
    if (this.#idle.size + this.#busy.size >= this.#size) return null;
    const child = fork(this.#program, [], { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
    this.#idle.add(child);
    let lastWords = "";
    child.stderr?.on("data", (chunk: Buffer) => (lastWords = `${lastWords}${chunk.toString()}`.slice(-2000)));
    child.on("message", (message: RunnerMessage) => this.#heard(child, message));
    // A message to a process that just died is no news: its exit is.
    child.on("error", () => undefined);
    child.on("exit", (code, signal) => {
      this.#idle.delete(child);
      const reason = signal === null ? `exit code ${code}` : `signal ${signal}`;
      const words = lastWords.trim();
      const error = `LocalRunner: the runner process ended (${reason})${words === "" ? "" : `: ${words}`}`;
      this.#ended(child, { kind: "failed", error });
    });
    return child;
  }

  #heard(child: ChildProcess, message: RunnerMessage): void {
    if (message.kind === "log") {
      this.#busy.get(child)?.events.log(message.line);
      return;
    }
    const { error } = message;
    if (this.#busy.has(child)) this.#idle.add(child);
    this.#ended(child, error === null ? { kind: "succeeded" } : { kind: "failed", error });
  }

  #ended(child: ChildProcess, end: WorkEnd): void {
    this.#busy.get(child)?.end(end);
    this.#busy.delete(child);
    this.#assign();
  }

  #cancel(waiting: Waiting): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
    const child = [...this.#busy].find(([, job]) => job === waiting)?.[0];
    if (child === undefined) {
      waiting.end({ kind: "cancelled" });
      return;
    }
    // The process may be in the middle of writing: the job has ended only when it is gone.
    child.prependOnceListener("exit", () => waiting.end({ kind: "cancelled" }));
    child.kill("SIGKILL");
  }
}

async function exited(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await gone;
}

function withResolvers<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => (resolve = settle));
  return { promise, resolve };
}
