import { spawn } from "node:child_process";
import { mkdir, open, readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { NocturneError } from "../core/errors.ts";
import { withLock } from "./lock.ts";
import { packageRoot } from "./package-root.ts";
import { commandLine } from "./processes.ts";

/** A local-aws that answers. It outlives the process that started it, as AWS does, until somebody calls `stop`. */
export interface LocalAws {
  readonly url: string;
  readonly pid: number;
  /** Whether it was already running. */
  readonly attached: boolean;
  /** Ends it, whoever started it, and waits until it is gone. Its state stays in <home>/local-aws. */
  stop(): Promise<void>;
}

interface Endpoint {
  readonly url: string;
  readonly pid: number;
  readonly id: string;
}

const READY_WITHIN_MS = 30_000;
/** How long it may take to put its journal on disk before it is killed; it survives a kill too. */
const PATIENCE_MS = 5_000;

/** The local-aws of this home (state, journal and log in <home>/local-aws), started when it does not run. Throws LOCAL_AWS. */
export async function startLocalAws(options: {
  readonly home: string;
  readonly log?: (line: string) => void;
}): Promise<LocalAws> {
  const log = options.log ?? (() => undefined);
  await mkdir(join(options.home, "local-aws"), { recursive: true });
  const home = await realpath(options.home);
  return withLock(join(home, "local-aws.lock"), async () => {
    const folder = join(home, "local-aws");
    const found = await findLocalAws(home);
    if (found !== null) return found;
    const started = await start(folder);
    log(`started local-aws at ${started.url}, state in ${folder}`);
    return started;
  });
}

/** The local-aws of this home if it runs and answers. One that runs and does not answer is ended: it would hold the folder. */
export async function findLocalAws(home: string): Promise<LocalAws | null> {
  const folder = join(await realpath(home).catch(() => home), "local-aws");
  const endpoint = await readEndpoint(folder);
  if (endpoint === null) return null;
  if (await answers(endpoint)) return handle(endpoint, folder, true);
  await end(endpoint.pid, folder, 0);
  await rm(join(folder, "endpoint.json"), { force: true });
  return null;
}

async function start(folder: string): Promise<LocalAws> {
  const program = join(packageRoot(), "dist/deploy/local-aws/main.js");
  const path = join(folder, "local-aws.log");
  const log = await open(path, "a");
  const from = (await log.stat()).size;
  try {
    const child = spawn(process.execPath, [program, "--home", folder, "--port", "0"], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
    });
    let ended: Error | null = null;
    child.once("error", (error) => (ended = error));
    child.once("exit", (code, signal) => (ended ??= new Error(`it ended with ${signal ?? code ?? "nothing"}`)));
    const deadline = Date.now() + READY_WITHIN_MS;
    while (ended === null && Date.now() < deadline) {
      const endpoint = await readEndpoint(folder);
      if (endpoint !== null && endpoint.pid === child.pid && (await answers(endpoint))) {
        child.unref();
        return handle(endpoint, folder, false);
      }
      await delay(15);
    }
    child.kill("SIGKILL");
    const said = (await readFile(path)).subarray(from).toString().trim().split("\n").at(-1) ?? "";
    const why = ended === null ? `it did not answer within ${READY_WITHIN_MS / 1000} s` : (ended as Error).message;
    const full = said.includes("ENOSPC");
    throw new NocturneError({
      code: full ? "DISK_FULL" : "LOCAL_AWS",
      message: `local-aws could not start: ${said === "" ? why : said} (log: ${path})`,
    });
  } finally {
    await log.close();
  }
}

function handle(endpoint: Endpoint, folder: string, attached: boolean): LocalAws {
  const stop = async (): Promise<void> => {
    await fetch(`${endpoint.url}/_local/stop`, { method: "POST", signal: AbortSignal.timeout(2_000) }).catch(
      () => null,
    );
    await end(endpoint.pid, folder, PATIENCE_MS);
  };
  return { url: endpoint.url, pid: endpoint.pid, attached, stop };
}

/** Waits until the process is gone and helps in the end; a pid that by now belongs to something else is left alone. */
async function end(pid: number, folder: string, patienceMs: number): Promise<void> {
  const isOurs = async () => {
    const command = await commandLine(pid);
    return command.includes("local-aws/main.js") && command.includes(folder);
  };
  const deadline = Date.now() + patienceMs;
  while (await isOurs()) {
    if (Date.now() >= deadline) signal(pid, "SIGKILL");
    await delay(15);
  }
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // gone meanwhile
  }
}

async function readEndpoint(folder: string): Promise<Endpoint | null> {
  try {
    return JSON.parse(await readFile(join(folder, "endpoint.json"), "utf8")) as Endpoint;
  } catch {
    return null;
  }
}

async function answers(endpoint: Endpoint): Promise<boolean> {
  try {
    const answer = await fetch(`${endpoint.url}/_local/health`, { signal: AbortSignal.timeout(2_000) });
    return ((await answer.json()) as { id?: unknown }).id === endpoint.id;
  } catch {
    return false;
  }
}
