import { spawn, type ChildProcess } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync, existsSync, openSync } from "node:fs";
import { join, resolve } from "node:path";
import { BucketAlreadyOwnedByYou, PutObjectCommand, CreateBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { expect } from "vitest";
import { localAwsSettings } from "../../engine/config.ts";
import { sampleSales } from "../../engine/cli/demo/sample-sales.ts";
import { until as untilWithin } from "../setup/until.ts";
import { layCluster, temporaryFolder } from "./made-home.ts";

const ROOT = resolve(import.meta.dirname, "../..");
const PROGRAM = join(ROOT, "bin/nocturne.js");
const LOCAL_AWS = join(ROOT, "dist/deploy/local-aws/main.js");

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** One remote job as local-aws lists it. */
export interface LocalRun {
  readonly service: string;
  readonly id: string;
  readonly name: string;
  readonly launchKey: string | null;
  readonly state: string;
}

/** Waits for what other processes do; the limit is below that of an e2e test. */
export const until = <T>(what: string, look: Parameters<typeof untilWithin<T>>[1], withinMs = 180_000): Promise<T> =>
  untilWithin(what, look, withinMs);

/** A person's project in a folder of its own: the shipped DAG with short waits, a local-aws, and the real command. */
export class Project {
  readonly folder = temporaryFolder("e2e");
  readonly home = join(this.folder, "home");
  url = "";
  private aws: ChildProcess | null = null;
  private readonly children = new Set<ChildProcess>();

  /** `edit` may change the shipped DAG's text. */
  constructor(edit: (yaml: string) => string = (yaml) => yaml) {
    mkdirSync(join(this.folder, "dags"));
    layCluster(this.home);
    for (const room of ["sql", "deploy/spark"]) cpSync(join(ROOT, room), join(this.folder, room), { recursive: true });
    cpSync(join(ROOT, "package.json"), join(this.folder, "package.json"));
    const shipped = readFileSync(join(ROOT, "dags/nightly_store_sales.yaml"), "utf8");
    const quick = shipped.replace("retry_delay: 5m", "retry_delay: 100ms");
    writeFileSync(join(this.folder, "dags/nightly_store_sales.yaml"), edit(quick));
  }

  /** Starts local-aws as its own process, as AWS would be, and points nocturne.yaml at it. */
  async startAws(): Promise<void> {
    const home = join(this.folder, "aws");
    const endpoint = join(home, "endpoint.json");
    rmSync(endpoint, { force: true });
    mkdirSync(home, { recursive: true });
    const log = openSync(join(this.folder, "aws.log"), "a");
    this.aws = spawn(process.execPath, [LOCAL_AWS, "--home", home, "--port", String(portOf(this.url))], {
      stdio: ["ignore", log, log],
    });
    this.url = await until("local-aws", () =>
      existsSync(endpoint) ? (JSON.parse(readFileSync(endpoint, "utf8")) as { url: string }).url : null,
    );
    this.writeConfig();
  }

  async killAws(): Promise<void> {
    await kill(this.aws);
  }

  private writeConfig(): void {
    const engine = {
      writer_ttl: "1s",
      writer_renew: "300ms",
      send_window: "1s",
      request_limit: "500ms",
      visibility: "200ms",
      poll_min: "25ms",
      poll_max: "500ms",
    };
    const settings = { region: "us-east-1", ...localAwsSettings(this.url) };
    const config = { home: "home", engine, connections: { default: settings } };
    writeFileSync(join(this.folder, "nocturne.yaml"), JSON.stringify(config, null, 2));
  }

  /** Lays down raw files of `nights` generated nights from 2026-03-01; `change` may alter or drop a file. */
  async upload(nights: number, change: (key: string, body: Uint8Array) => Uint8Array | null = (_, body) => body) {
    const client = this.s3();
    for (const Bucket of ["acme-sales", "nocturne-artifacts"]) {
      // A night that is due has made its own already.
      await client.send(new CreateBucketCommand({ Bucket })).catch((error: unknown) => {
        if (!(error instanceof BucketAlreadyOwnedByYou)) throw error;
      });
    }
    for (const { key, body } of sampleSales({ nights, firstDay: "2026-03-01", stores: 6, salesPerStore: 8 })) {
      const Body = change(key, body);
      if (Body) await client.send(new PutObjectCommand({ Bucket: "acme-sales", Key: key, Body }));
    }
    client.destroy();
  }

  async put(key: string, body: Uint8Array): Promise<void> {
    const client = this.s3();
    await client.send(new PutObjectCommand({ Bucket: "acme-sales", Key: key, Body: body }));
    client.destroy();
  }

  private s3(): S3Client {
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    return new S3Client({ endpoint: this.url, region: "us-east-1", forcePathStyle: true, credentials });
  }

  start(...args: string[]): ChildProcess & { readonly finished: Promise<Finished> } {
    const env = { ...process.env, NO_COLOR: "1" };
    delete (env as Record<string, string | undefined>)["DATABASE_URL"];
    const child = spawn(process.execPath, [PROGRAM, ...args], { cwd: this.folder, env });
    this.children.add(child);
    let stdout = "";
    let stderr = "";
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    child.stderr.on("data", (data: Buffer) => (stderr += data.toString()));
    const finished = new Promise<Finished>((resolve) =>
      child.once("close", (code) => {
        this.children.delete(child);
        resolve({ code, stdout, stderr });
      }),
    );
    return Object.assign(child, { finished });
  }

  async run(...args: string[]): Promise<Finished> {
    return this.start(...args).finished;
  }

  /** Backfills the days from 2026-03-`from` to 2026-03-`to`. */
  backfill(from: number, to: number, ...more: string[]): ReturnType<Project["start"]> {
    const day = (number: number): string => `2026-03-${String(number).padStart(2, "0")}`;
    return this.start("backfill", "nightly_store_sales", "--from", day(from), "--to", day(to), "--json", ...more);
  }

  async fault(fault: object): Promise<void> {
    await fetch(`${this.url}/_local/faults`, { method: "POST", body: JSON.stringify(fault) });
  }

  async clearFaults(): Promise<void> {
    await fetch(`${this.url}/_local/faults`, { method: "DELETE" });
  }

  async calls(operation: string): Promise<number> {
    const counts = (await (await fetch(`${this.url}/_local/calls`)).json()) as Record<string, number>;
    return counts[operation] ?? 0;
  }

  async remoteRuns(): Promise<LocalRun[]> {
    const answer = (await (await fetch(`${this.url}/_local/runs`)).json()) as LocalRun[] | { runs: LocalRun[] };
    return Array.isArray(answer) ? answer : answer.runs;
  }

  /** Ends every command that is still running. */
  async killCommands(): Promise<void> {
    for (const child of this.children) await kill(child);
  }

  async close(): Promise<void> {
    await this.killCommands();
    await this.killAws();
    await this.stopPostgres();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Ends a Postgres that a killed command left behind: the last user out stops it. */
  private async stopPostgres(): Promise<void> {
    if (!existsSync(join(this.home, "postgres/cluster/data/postmaster.pid"))) return;
    const { startPostgres } = await import("../../engine/local/embedded-postgres.ts");
    await (await startPostgres({ home: this.home })).stop();
  }
}

const portOf = (url: string): number => (url === "" ? 0 : Number(new URL(url).port));

async function kill(child: ChildProcess | null): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const closed = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGKILL");
  await closed;
}

/** Every remote job has a launch key, and no key has two jobs. */
export function expectOneJobPerKey(runs: readonly LocalRun[]): void {
  expect(runs.length).toBeGreaterThan(5);
  const keys = runs.filter((run) => !run.name.startsWith("terminate")).map((run) => run.launchKey);
  expect(keys.every((key) => key !== null && /^[0-9a-f]{48}$/.test(key))).toBe(true);
  expect(new Set(keys).size).toBe(keys.length);
}
