import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, mkdirSync, openSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { until, type LocalRun } from "../e2e/project.ts";
import type { Fault } from "./incidents.ts";
import { kill } from "./processes.ts";
import { PATIENCE } from "./project-folder.ts";

const PROGRAM = resolve(import.meta.dirname, "../../dist/deploy/local-aws/main.js");

/** A local-aws of its own, as AWS would be: it may be killed, and goes on from its journal at the same address. */
export class ChaosAws {
  readonly log: string;
  url = "";
  private readonly home: string;
  private child: ChildProcess | null = null;

  constructor(folder: string) {
    mkdirSync(folder, { recursive: true });
    this.home = join(folder, "aws");
    this.log = join(folder, "aws.log");
  }

  get isUp(): boolean {
    return this.child !== null && this.child.exitCode === null && this.child.signalCode === null;
  }

  async start(): Promise<void> {
    const endpoint = join(this.home, "endpoint.json");
    rmSync(endpoint, { force: true });
    const port = this.url === "" ? "0" : new URL(this.url).port;
    const log = openSync(this.log, "a");
    const args = ["--home", this.home, "--port", port, "--threads", "1"];
    const buckets = ["chaos-data", "nocturne-artifacts"].flatMap((name) => ["--bucket", name]);
    this.child = spawn(process.execPath, [PROGRAM, ...args, ...buckets], { stdio: ["ignore", log, log] });
    const isReady = (): string | null => {
      if (!this.isUp) throw new Error(`local-aws ended; see ${this.log}`);
      return existsSync(endpoint) ? (JSON.parse(readFileSync(endpoint, "utf8")) as { url: string }).url : null;
    };
    this.url = await until("local-aws", isReady, 60_000 * PATIENCE).catch(async (error: unknown) => {
      await this.kill();
      throw error;
    });
  }

  async kill(): Promise<void> {
    await kill(this.child);
  }

  /** One that is down takes no faults. */
  async fault(fault: Fault): Promise<void> {
    await this.ask("faults", { method: "POST", body: JSON.stringify(fault) }).catch(() => undefined);
  }

  async clearFaults(): Promise<void> {
    await this.ask("faults", { method: "DELETE" });
  }

  async runs(): Promise<LocalRun[]> {
    return (await (await this.ask("runs")).json()) as LocalRun[];
  }

  private ask(what: string, request: RequestInit = {}): Promise<Response> {
    return fetch(`${this.url}/_local/${what}`, request);
  }
}
