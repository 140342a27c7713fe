import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { glueCatalogOperations } from "./athena/glue-catalog.ts";
import { createAthena } from "./athena/service.ts";
import { packageRoot } from "./compute/package-root.ts";
import { SparkScripts } from "./compute/spark-scripts.ts";
import type { Clock, JsonService, ServiceDependencies } from "./contract.ts";
import { Faults } from "./faults.ts";
import { createEmr } from "./emr/service.ts";
import { createGlue } from "./glue/service.ts";
import { Control } from "./http/control.ts";
import { Dispatcher } from "./http/dispatcher.ts";
import { SignatureCheck, type Credentials } from "./http/signature.ts";
import { openJournal } from "./journal.ts";
import { LogStore } from "./logs/log-store.ts";
import { createLogs } from "./logs/service.ts";
import { createRedshiftData } from "./redshift/service.ts";
import { RunnerPool } from "./runner-pool.ts";
import { openClock } from "./scaled-clock.ts";
import { StartRefused } from "./start-refused.ts";
import { ObjectStore } from "./s3/object-store.ts";
import { S3Service } from "./s3/service.ts";

export interface LocalAwsOptions {
  /** The folder that holds everything: objects, warehouse, journal, logs. */
  readonly home: string;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Threads DuckDB may use for one query; the default is all cores. */
  readonly threads?: number;
  /** How fast its clock runs, and what it reads at its first start (null: the wall's time). The wall's pace by default. */
  readonly time?: { readonly factor: number; readonly from: number | null };
  readonly region?: string;
  readonly credentials?: Credentials;
  /** How long an EMR cluster takes for each of starting, bootstrapping and terminating; 20 ms by default. */
  readonly clusterLatencyMs?: number;
  /** The program of a runner process; by default the built one of this package. */
  readonly runner?: string;
  /** Buckets that are there from the start. */
  readonly buckets?: readonly string[];
}

/** A running local-aws. */
export interface LocalAws {
  readonly url: string;
  readonly id: string;
  /** Resolves when POST /_local/stop was called or stop() is done. */
  readonly stopped: Promise<void>;
  /** Ends the processes it started. Jobs that were running are not ended: the next start takes them up. */
  stop(): Promise<void>;
}

/** What `home/endpoint.json` says. */
interface Endpoint {
  readonly url: string;
  readonly pid: number;
  readonly id: string;
  readonly started: string;
}

const ACCOUNT = "000000000000";
const LOCAL_CREDENTIALS: Credentials = { accessKeyId: "local", secretAccessKey: "local" };

/** Starts local-aws on 127.0.0.1. Throws StartRefused when the home is served already or the port is taken. */
export async function startLocalAws(options: LocalAwsOptions): Promise<LocalAws> {
  const home = resolve(options.home);
  await mkdir(home, { recursive: true });
  await refuseIfServed(home);
  const clock = await openClock(home, options.time ?? { factor: 1, from: null });

  const id = randomUUID();
  const server = createServer();
  await listen(server, options.port ?? 0);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  const { deps, store, journal, pool, faults, json } = await compose(home, url, clock, options);
  const closing = withResolvers();
  let stopping: Promise<void> | null = null;
  const stop = async (): Promise<void> => {
    server.close();
    await Promise.all(json.map((service) => service.stop()));
    await pool.stop();
    server.closeAllConnections();
    await journal.close();
    await rm(join(home, "endpoint.json"), { force: true });
    closing.resolve();
  };
  const stopOnce = () => (stopping ??= stop());

  const control = new Control(id, clock, faults, json, () => void stopOnce());
  const services = { json, s3: new S3Service(store, home, deps), accountId: deps.accountId };
  const signature = new SignatureCheck(options.credentials ?? LOCAL_CREDENTIALS);
  const dispatcher = new Dispatcher(services, faults, signature, control);
  for (const service of json) await service.start();
  server.on("request", (message, response) => void dispatcher.handle(message, response));
  pool.warm();
  await writeEndpoint(home, { url, pid: process.pid, id, started: new Date().toISOString() });
  return { url, id, stopped: closing.promise, stop: stopOnce };
}

async function compose(home: string, url: string, clock: Clock, options: LocalAwsOptions) {
  const { region = "us-east-1", threads = availableParallelism() } = options;
  const store = await ObjectStore.open(home, clock);
  for (const bucket of options.buckets ?? []) await store.createBucket(bucket);
  const journal = await openJournal(join(home, "journal.jsonl"));
  const deps: ServiceDependencies = { home, region, accountId: ACCOUNT, clock, s3: store, journal, threads };
  const program = options.runner ?? join(packageRoot, "dist/deploy/local-aws/runner/main.js");
  const pool = new RunnerPool(program, Math.max(2, availableParallelism()));
  const { accessKeyId, secretAccessKey } = options.credentials ?? LOCAL_CREDENTIALS;
  const scripts = new SparkScripts({
    clock,
    store,
    pool,
    threads,
    environment: () => ({
      AWS_ENDPOINT_URL: url,
      AWS_ACCESS_KEY_ID: accessKeyId,
      AWS_SECRET_ACCESS_KEY: secretAccessKey,
      AWS_REGION: region,
      AWS_DEFAULT_REGION: region,
    }),
  });
  const logs = new LogStore(join(home, "logs"), clock);
  const faults = new Faults();
  const clusterLatencyMs = options.clusterLatencyMs ?? 20;
  const compute = { ...deps, store, scripts, logs, faults, clusterLatencyMs };
  const json: readonly JsonService[] = [
    createGlue(compute, glueCatalogOperations(deps)),
    createEmr(compute),
    createRedshiftData(deps),
    createAthena(deps),
    createLogs(logs),
  ];
  return { deps, store, journal, pool, faults, json };
}

/** A home has one local-aws: a second one would run every job twice and tear the journal. */
async function refuseIfServed(home: string): Promise<void> {
  const text = await readFile(join(home, "endpoint.json"), "utf8").catch(() => null);
  if (text === null) return;
  try {
    const endpoint = JSON.parse(text) as Endpoint;
    const health = await fetch(`${endpoint.url}/_local/health`, { signal: AbortSignal.timeout(2000) });
    const { id } = (await health.json()) as { id: string };
    if (id === endpoint.id) {
      throw new StartRefused(`local-aws already serves ${home} at ${endpoint.url} (process ${endpoint.pid})`);
    }
  } catch (error) {
    if (error instanceof StartRefused) throw error;
    // Nobody answers, or someone else: the file is left over from a kill.
  }
}

async function writeEndpoint(home: string, endpoint: Endpoint): Promise<void> {
  const path = join(home, "endpoint.json");
  await writeFile(`${path}.new`, `${JSON.stringify(endpoint)}\n`);
  await rename(`${path}.new`, path);
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((listening, failed) => {
    server.once("error", (error: NodeJS.ErrnoException) => {
      const taken = error.code === "EADDRINUSE";
      failed(taken ? new StartRefused(`port ${port} is taken; choose another with --port`) : error);
    });
    server.listen(port, "127.0.0.1", listening);
  });
}

function withResolvers(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}
