import { spawn } from "node:child_process";
import { open, readFile, realpath, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { NocturneError } from "../../core/errors.ts";
import { commandLine } from "../processes.ts";
import type { Binaries } from "./binaries.ts";
import { lastLine, spawnAs, SUPERUSER, type Cluster } from "./cluster.ts";

/** A server that answers, and one connection to it that shows others that we use it. */
export interface Connected {
  readonly pid: number;
  readonly url: string;
  readonly presence: Presence;
}

/** It keeps no process alive by itself. (pg documents ref and unref; its types lack them.) */
export type Presence = pg.Client & { ref(): void; unref(): void };

/** Crash recovery of a large cluster may take this long. */
const READY_WITHIN_MS = 60_000;
/** After a kill of the postmaster its children need about a second to notice and let go of the shared memory. */
const START_WITHIN_MS = 20_000;
const PASSING = /lock file|pre-existing shared memory|Address already in use|could not create any TCP\/IP sockets/;

/** The server of this cluster if it already runs, whoever started it; null when it does not. */
export async function attach(cluster: Cluster): Promise<Connected | null> {
  const deadline = Date.now() + READY_WITHIN_MS;
  const path = join(cluster.data, "postmaster.pid");
  while (Date.now() < deadline) {
    const text = await readFile(path, "utf8").catch(() => null);
    if (text === null) return null;
    const [pid = 0, port = 0] = [Number(text.split("\n")[0]), Number(text.split("\n")[3])];
    if (!(await isPostmaster(pid, cluster))) {
      // Another process may have got the number since: Postgres would take it for a server and refuse to start.
      if ((await commandLine(pid)) !== "") await rm(path, { force: true });
      return null;
    }
    const presence = port > 0 ? await connect(cluster, port) : null;
    if (presence !== null) return { pid, url: urlOf(cluster, port), presence };
    await delay(25);
  }
  throw failed(cluster, `the server that runs there does not answer`);
}

/** Starts the server on a free port and waits until it answers. */
export async function start(cluster: Cluster, binaries: Binaries): Promise<Connected> {
  const deadline = Date.now() + START_WITHIN_MS;
  for (let wait = 50; ; wait = Math.min(wait * 2, 1_000)) {
    const port = await freePort();
    const started = await startOnce(cluster, binaries, port);
    if ("presence" in started) return started;
    if (started.log.includes("No space left on device")) {
      throw new NocturneError({ code: "DISK_FULL", message: `Postgres could not start: see ${cluster.log}` });
    }
    if (!PASSING.test(started.log) || Date.now() > deadline) throw failed(cluster, lastLine(started.log));
    await delay(wait);
  }
}

async function startOnce(cluster: Cluster, binaries: Binaries, port: number): Promise<Connected | { log: string }> {
  const log = await open(cluster.log, "a", 0o600);
  try {
    const from = (await log.stat()).size;
    const settings = Object.entries(SETTINGS).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
    const child = spawn(binaries.postgres, ["-D", cluster.data, "-p", String(port), ...settings], {
      ...spawnAs(cluster.account, dirname(cluster.data)),
      stdio: ["ignore", log.fd, log.fd],
      // A group of its own: Ctrl-C on the terminal is for us, who then stop it when its work is done.
      detached: true,
    });
    let gone = false;
    const failure = new Promise<Error>((resolve) => child.once("error", resolve));
    const ended = new Promise<void>((resolve) => child.once("exit", () => ((gone = true), resolve())));
    const deadline = Date.now() + READY_WITHIN_MS;
    for (;;) {
      const presence = await connect(cluster, port);
      if (presence !== null) {
        child.unref();
        return { pid: child.pid ?? 0, url: urlOf(cluster, port), presence };
      }
      const error = await Promise.race([failure, ended, delay(15)]);
      if (error instanceof Error) throw failed(cluster, `${binaries.postgres}: ${error.message}`, error);
      if (gone) return { log: await textFrom(cluster.log, from) };
      if (Date.now() > deadline) {
        child.kill("SIGKILL");
        throw failed(cluster, `it did not answer within ${READY_WITHIN_MS / 1000} s`);
      }
    }
  } finally {
    await log.close();
  }
}

/** Ends the server in its orderly fast way: open transactions are rolled back, everything committed is on disk. */
export async function shutDown(connected: Connected, cluster: Cluster): Promise<void> {
  await connected.presence.end().catch(() => undefined);
  try {
    process.kill(connected.pid, "SIGINT");
  } catch {
    return;
  }
  const deadline = Date.now() + READY_WITHIN_MS;
  while ((await isPostmaster(connected.pid, cluster)) && Date.now() < deadline) await delay(10);
}

const SETTINGS = {
  listen_addresses: "127.0.0.1",
  // Only by TCP: a socket's path may be 107 bytes long, and homes are longer.
  unix_socket_directories: "",
  max_connections: "100",
  shared_buffers: "64MB",
  // No standby reads this server's log, so the least that keeps crash recovery whole is written.
  wal_level: "minimal",
  max_wal_senders: "0",
  max_wal_size: "512MB",
  jit: "off",
  timezone: "UTC",
  log_timezone: "UTC",
  log_checkpoints: "off",
} as const;

async function isPostmaster(pid: number, cluster: Cluster): Promise<boolean> {
  const command = await commandLine(pid);
  return command.includes("postgres") && command.includes(cluster.data);
}

/** A connection once the server at `port` is ours and ready, else null. */
async function connect(cluster: Cluster, port: number): Promise<Presence | null> {
  const client = new pg.Client({
    connectionString: urlOf(cluster, port),
    application_name: "nocturne presence",
    connectionTimeoutMillis: 2_000,
  }) as Presence;
  // The server may be killed under us; whoever works with it notices on a connection of their own.
  client.on("error", () => undefined);
  try {
    // SCRAM: a foreign server on this port knows nothing of our password, and cannot pretend that it does.
    await client.connect();
    const answer = await client.query<{ folder: string }>("SELECT current_setting('data_directory') AS folder");
    if (answer.rows[0]?.folder === (await realpath(cluster.data))) {
      client.unref();
      return client;
    }
  } catch {
    // not there yet, or not ours
  }
  await client.end().catch(() => undefined);
  return null;
}

const urlOf = (cluster: Cluster, port: number): string =>
  `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/postgres?sslmode=disable`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once("error", reject).listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function textFrom(path: string, from: number): Promise<string> {
  return (await readFile(path)).subarray(from).toString();
}

function failed(cluster: Cluster, why: string, cause?: Error): NocturneError {
  const options = cause === undefined ? undefined : { cause };
  return new NocturneError({ code: "EMBEDDED_POSTGRES", message: `${why} (log: ${cluster.log})` }, options);
}
