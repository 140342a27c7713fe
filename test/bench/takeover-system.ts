import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startLocalAws, type LocalAws } from "../../engine/local/local-aws.ts";
import { packageRoot } from "../../engine/local/package-root.ts";
import type { Store } from "../../engine/store/open.ts";

const TICK = (from: string): string => `dag: tick
schedule: { every: 1s }
start_date: ${from}
max_active_runs: 64
tasks:
  tock: { operator: noop }
`;

const JOB = (dagId: string): string => `dag: ${dagId}
schedule: "@once"
start_date: 2026-01-01
tasks:
  job:
    operator: glue.job
    with:
      job: ${dagId}
      script: deploy/spark/run_sql.py
      worker_type: G.1X
      workers: 2
      files: { sql: sql/jobs/aggregate_sales.sql }
      arguments: {}
`;

/** One `nocturne up`, from its ready line on. */
export interface Up {
  /** Whether it holds the writer's row, by its own words. */
  readonly writes: boolean;
  end(signal: NodeJS.Signals): Promise<void>;
}

/** Real `nocturne up` processes over one store and one local-aws, with the engine's own settings: those of production. */
export class Standbys {
  private readonly folder = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
  private readonly store: Store;
  private readonly aws: LocalAws;
  private readonly children = new Set<ChildProcess>();

  private readonly awsHome: string;

  private constructor(store: Store, aws: LocalAws, awsHome: string) {
    this.awsHome = awsHome;
    this.store = store;
    this.aws = aws;
    const root = packageRoot();
    for (const room of ["sql", "deploy/spark"]) cpSync(join(root, room), join(this.folder, room), { recursive: true });
    mkdirSync(join(this.folder, "dags"));
    writeFileSync(join(this.folder, "dags/tick.yaml"), TICK(new Date().toISOString().slice(0, 19) + "Z"));
    const services = ["s3", "glue", "logs", "sts"];
    const connection = {
      region: "us-east-1",
      endpoints: Object.fromEntries(services.map((service) => [service, aws.url])),
      credentials: { access_key_id: "local", secret_access_key: "local" },
      artifacts: "s3://nocturne-artifacts",
      glue: { role: "arn:aws:iam::000000000000:role/local", version: "5.1" },
    };
    writeFileSync(join(this.folder, "nocturne.yaml"), JSON.stringify({ connections: { default: connection } }));
  }

  static async create(store: Store): Promise<Standbys> {
    const home = mkdtempSync(join(tmpdir(), "nocturne-bench-aws-"));
    return new Standbys(store, await startLocalAws({ home }), home);
  }

  async start(): Promise<Up> {
    const { databaseUrl, fleet } = this.store.settings;
    const args = ["up", "--port", "0", "--json", "--database-url", databaseUrl, "--fleet", fleet];
    const child = spawn(process.execPath, [join(packageRoot(), "bin/nocturne.js"), ...args], {
      cwd: this.folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.children.add(child);
    const ended = once(child, "exit");
    const ready = await Promise.race([once(child.stdout, "data"), ended.then(() => null)]);
    let writes = ready !== null && !(JSON.parse(String(ready[0])) as { stands_by: boolean }).stands_by;
    child.stderr.on("data", (data: Buffer) => {
      const [said] =
        data
          .toString()
          .match(/this process (writes|stands by) now/g)
          ?.slice(-1) ?? [];
      if (said !== undefined) writes = said.includes("writes");
    });
    if (ready === null) throw new Error(`nocturne up ended with ${child.exitCode}`);
    child.stdout.resume();
    return {
      get writes() {
        return writes;
      },
      end: async (signal) => {
        child.kill(signal);
        await ended;
        this.children.delete(child);
      },
    };
  }

  /** A DAG that launches one Glue job at once. */
  writeJob(dagId: string): void {
    writeFileSync(join(this.folder, "dags", `${dagId}.yaml`), JOB(dagId));
  }

  async fault(fault: object): Promise<void> {
    await fetch(`${this.aws.url}/_local/faults`, { method: "POST", body: JSON.stringify(fault) });
  }

  /** How often Glue was asked how its runs are. */
  async looks(): Promise<number> {
    const counts = (await (await fetch(`${this.aws.url}/_local/calls`)).json()) as Record<string, number>;
    return (counts["Glue.GetJobRun"] ?? 0) + (counts["Glue.GetJobRuns"] ?? 0) + (counts["Glue.BatchGetJobRuns"] ?? 0);
  }

  async jobs(): Promise<readonly object[]> {
    return (await (await fetch(`${this.aws.url}/_local/runs`)).json()) as object[];
  }

  async close(): Promise<void> {
    for (const child of this.children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    }
    await this.aws.stop();
    for (const folder of [this.folder, this.awsHome]) rmSync(folder, { recursive: true, force: true });
  }
}
