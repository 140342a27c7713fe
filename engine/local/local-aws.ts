import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { NocturneError } from "../core/errors.ts";
import type { Instant } from "../core/json.ts";
import type { TimeScale } from "../core/time-scale.ts";
import { makeHome } from "./home.ts";
import { isHeld, tryLock, withLock } from "./lock.ts";
import { packageRoot } from "./package-root.ts";
import { commandLine, processIdentity } from "./processes.ts";

/** A local-aws that answers, in use until `stop`. It outlives a kill of the process that started it, as AWS does. */
export interface LocalAws {
  readonly url: string;
  readonly pid: number;
  /** What runs the Spark jobs: DuckDB, or PySpark. */
  readonly engine: string;
  /** Whether it was already running: another process of this home uses it, or an earlier one was killed. */
  readonly attached: boolean;
  /** The clock it tells all times by. The engine that drives it has to run by the same one. */
  readonly time: TimeScale;
  /**
   * The last one out ends it, whoever started it: as long as another living process uses it, it goes on. Its state stays
   * in <home>/local-aws. Safe to repeat.
   */
  stop(): Promise<void>;
}

interface Endpoint {
  readonly url: string;
  readonly pid: number;
  readonly id: string;
}

/** What GET /_local/health says of it. */
interface Health {
  readonly engine: string;
  readonly time: TimeScale;
}

interface Running extends Endpoint, Health {}

/** How fast its clock is to run, and what it reads at its very first start (the wall's time when absent). */
export interface TimeWish {
  readonly factor: number;
  readonly from?: Instant;
}

/** Where the connection `default` of a local-aws keeps scripts, SQL, logs and results: there from the first start. */
const ARTIFACTS = "nocturne-artifacts";

const READY_WITHIN_MS = 30_000;
/** How long it may take to put its journal on disk before it is killed; it survives a kill too. */
const PATIENCE_MS = 5_000;

/**
 * The local-aws of this home (state, journal and log in <home>/local-aws), started when it does not run. Without `time` it
 * starts with the wall's pace, and one that runs keeps its own. Throws LOCAL_AWS, also when it runs at another pace than asked for.
 */
export async function startLocalAws(options: {
  readonly home: string;
  readonly log?: (line: string) => void;
  readonly time?: TimeWish;
}): Promise<LocalAws> {
  const log = options.log ?? (() => undefined);
  try {
    await makeHome(options.home);
    await mkdir(join(options.home, "local-aws"), { recursive: true });
    const home = await realpath(options.home);
    return await withLock(join(home, "local-aws.lock"), async () => {
      const folder = join(home, "local-aws");
      const found = await findLocalAws(home);
      if (found !== null && options.time !== undefined) checkPace(found, options.time, home);
      const running = found ?? (await start(folder, options.time));
      if (found === null) log(`started local-aws at ${running.url}, state in ${folder}`);
      return await use(running, home, found !== null);
    });
  } catch (error) {
    throw explained(error, options.home);
  }
}

/** The local-aws of this home if it runs and answers. One that runs and does not answer is ended: it would hold the folder. */
export async function findLocalAws(home: string): Promise<Running | null> {
  const folder = join(await realpath(home).catch(() => home), "local-aws");
  const endpoint = await readEndpoint(folder);
  if (endpoint === null) return null;
  const health = await ask(endpoint);
  if (health !== null) return { ...endpoint, ...health };
  await end(endpoint.pid, folder, 0);
  await rm(join(folder, "endpoint.json"), { force: true });
  return null;
}

/** Ends the local-aws of this home, whoever uses it, and waits until it is gone. */
export async function endLocalAws(home: string): Promise<void> {
  const found = await findLocalAws(home);
  if (found !== null) await stopRunning(found, join(await realpath(home), "local-aws"));
}

/** Every user holds a lock file of its own, so that the last one out is known even when others were killed. */
async function use({ url, pid, id, engine, time }: Running, home: string, attached: boolean): Promise<LocalAws> {
  const users = join(home, "local-aws.users");
  const mine = await tryLock(join(users, randomUUID()));
  let stopping: Promise<void> | undefined;
  const leave = () =>
    withLock(join(home, "local-aws.lock"), async () => {
      if ("release" in mine) await mine.release();
      if (!(await areUsed(users))) await stopRunning({ url, pid, id }, join(home, "local-aws"));
    });
  return { url, pid, engine, attached, time, stop: () => (stopping ??= leave()) };
}

async function areUsed(users: string): Promise<boolean> {
  let used = false;
  for (const name of await readdir(users)) {
    if (await isHeld(join(users, name))) used = true;
    else await rm(join(users, name), { force: true });
  }
  return used;
}

async function start(folder: string, time: TimeWish | undefined): Promise<Running> {
  const program = join(packageRoot(), "dist/deploy/local-aws/main.js");
  const path = join(folder, "local-aws.log");
  const log = await open(path, "a");
  const from = (await log.stat()).size;
  try {
    const child = spawn(
      process.execPath,
      [program, "--home", folder, "--port", "0", "--bucket", ARTIFACTS, ...timeOptions(time)],
      {
        detached: true,
        stdio: ["ignore", log.fd, log.fd],
      },
    );
    let ended: Error | null = null;
    child.once("error", (error) => (ended = error));
    child.once("exit", (code, signal) => (ended ??= new Error(`it ended with ${signal ?? code ?? "nothing"}`)));
    const deadline = Date.now() + READY_WITHIN_MS;
    while (ended === null && Date.now() < deadline) {
      const endpoint = await readEndpoint(folder);
      const health = endpoint !== null && endpoint.pid === child.pid ? await ask(endpoint) : null;
      if (endpoint !== null && health !== null) {
        child.unref();
        return { ...endpoint, ...health };
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

const timeOptions = (time: TimeWish | undefined): readonly string[] => [
  ...(time === undefined ? [] : ["--time-scale", String(time.factor)]),
  ...(time?.from === undefined ? [] : ["--time-from", new Date(time.from).toISOString()]),
];

/** Two paces at once cannot be: whoever uses the running one counts on its own. */
function checkPace({ pid, time }: Running, wished: TimeWish, home: string): void {
  if (time.factor === wished.factor) return;
  const pace = (factor: number) => (factor === 1 ? "at the pace of the wall's clock" : `${factor} times as fast`);
  throw new NocturneError({
    code: "LOCAL_AWS",
    message: `the local-aws of ${home} (process ${pid}) runs ${pace(time.factor)}, and this command wants it ${pace(wished.factor)}; let what uses it end first, or take another --home`,
  });
}

async function stopRunning({ url, pid }: Endpoint, folder: string): Promise<void> {
  const ended = end(pid, folder, PATIENCE_MS);
  await fetch(`${url}/_local/stop`, { method: "POST", signal: AbortSignal.timeout(2_000) }).catch(() => null);
  await ended;
}

/**
 * Waits until the process is gone and helps in the end; a pid that by now belongs to something else is left alone. Who it
 * is, is asked once: a process that is just ending has no command line any more and is still there.
 */
async function end(pid: number, folder: string, patienceMs: number): Promise<void> {
  const identity = await processIdentity(pid);
  const command = await commandLine(pid);
  if (!command.includes("local-aws/main.js") || !command.includes(folder)) return;
  const deadline = Date.now() + patienceMs;
  while (identity !== null && (await processIdentity(pid)) === identity) {
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

/** What it says of itself; null: nobody answers, or somebody else. */
async function ask(endpoint: Endpoint): Promise<Health | null> {
  try {
    const answer = await fetch(`${endpoint.url}/_local/health`, { signal: AbortSignal.timeout(2_000) });
    const { id, engine, clock } = (await answer.json()) as {
      readonly id?: string;
      readonly engine: string;
      readonly clock: { readonly factor: number; readonly real_from: number; readonly engine_from: number };
    };
    if (id !== endpoint.id) return null;
    return { engine, time: { factor: clock.factor, realFrom: clock.real_from, engineFrom: clock.engine_from } };
  } catch {
    return null;
  }
}

function explained(error: unknown, home: string): NocturneError {
  if (error instanceof NocturneError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  const full = code === "ENOSPC" || code === "EDQUOT";
  return new NocturneError(
    { code: full ? "DISK_FULL" : "LOCAL_AWS", message: `local-aws could not be set up in ${home}: ${message}` },
    { cause: error },
  );
}
