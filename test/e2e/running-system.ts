import type { ChildProcess } from "node:child_process";
import { until, type Finished, type Project } from "./project.ts";

interface ReadyLine {
  readonly ready: boolean;
  /** null: it has not the role `api`. */
  readonly url: string | null;
  readonly roles: readonly string[];
  readonly dags: number | null;
  readonly stands_by: boolean | null;
  readonly inbox: string | null;
}

/** A `nocturne up` of a project, from its ready line on. */
export class RunningSystem {
  readonly child: ChildProcess & { readonly finished: Promise<Finished> };
  stdout = "";
  stderr = "";
  private readonly project: Project;
  private token = "";

  private constructor(project: Project, args: readonly string[]) {
    this.project = project;
    this.child = project.start("up", "--port", "0", "--json", ...args);
    this.child.stdout?.on("data", (data: Buffer) => (this.stdout += data.toString()));
    this.child.stderr?.on("data", (data: Buffer) => (this.stderr += data.toString()));
  }

  static async start(project: Project, ...args: string[]): Promise<RunningSystem> {
    const system = new RunningSystem(project, args);
    await until(`the ready line (${args.join(" ")})`, () => {
      if (system.child.exitCode !== null) throw new Error(`up ended with ${system.child.exitCode}: ${system.stderr}`);
      return system.stdout.includes("\n");
    });
    return system;
  }

  get ready(): ReadyLine {
    return JSON.parse(this.stdout) as ReadyLine;
  }

  /** Asks the API with an admin's token, or with the one given; "" sends none. */
  async ask(path: string, request: RequestInit = {}, token?: string): Promise<Response> {
    if (token === undefined) this.token ||= await this.makeToken();
    const used = token ?? this.token;
    const headers = new Headers({ "content-type": "application/json", ...(request.headers as Record<string, string>) });
    if (used !== "") headers.set("authorization", `Bearer ${used}`);
    return fetch(`${this.ready.url}${path}`, { ...request, headers });
  }

  async get<T>(path: string): Promise<T> {
    return (await (await this.ask(path)).json()) as T;
  }

  async makeToken(): Promise<string> {
    const made = await this.project.run("tokens", "create", "--role", "admin", "--json");
    if (made.code !== 0) throw new Error(made.stderr);
    return (JSON.parse(made.stdout) as { token: string }).token;
  }

  async runs(dagId: string): Promise<{ dag_run_id: string; state: string; run_type: string }[]> {
    return (
      await this.get<{ dag_runs: { dag_run_id: string; state: string; run_type: string }[] }>(
        `/api/v2/dags/${dagId}/dagRuns?limit=1000`,
      )
    ).dag_runs;
  }

  /** Waits until standard error says something. */
  async says(text: RegExp): Promise<void> {
    await until(`${text} on standard error`, () => text.test(this.stderr));
  }

  /** Asks it to stop and waits for its end. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<Finished> {
    this.child.kill(signal);
    return this.child.finished;
  }
}
