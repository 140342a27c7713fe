import { chmod, mkdir, mkdtemp, rm, stat, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import pg from "pg";
import type { Config } from "../../config.ts";
import { ERRORS, type ErrorCode } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { findLocalAws, startLocalAws } from "../../local/local-aws.ts";
import { startPostgres } from "../../local/embedded-postgres.ts";
import { problemsOf } from "../report-error.ts";

/** What one look found. `missing`: something will not work; `warning`: it works, but not as it should. */
export interface Finding {
  readonly what: string;
  readonly state: "ok" | "warning" | "missing";
  readonly message: string;
  /** How to mend it. */
  readonly advice?: string;
}

const ENOUGH_BYTES = 1024 ** 3;

export function checkNode(version = process.versions.node): Finding {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const fits = major > 20 || (major === 20 && minor >= 19);
  return fits
    ? { what: "Node", state: "ok", message: version }
    : { what: "Node", state: "missing", message: `${version} is too old`, advice: "Install Node 20.19 or newer." };
}

export async function checkHome({ home }: Config): Promise<Finding> {
  let at = home;
  while ((await stat(at).catch(() => null)) === null) at = dirname(at);
  const probe = join(at, `.nocturne-doctor-${process.pid}`);
  try {
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    const advice = "Give this user the folder, or choose another one with --home.";
    return { what: "Home", state: "missing", message: `${home}: ${(error as Error).message}`, advice };
  }
  const { bavail, bsize } = await statfs(at);
  const free = bavail * bsize;
  const message = `${home}, ${(free / 1024 ** 3).toFixed(1)} GB free`;
  return free >= ENOUGH_BYTES
    ? { what: "Home", state: "ok", message }
    : { what: "Home", state: "warning", message, advice: ERRORS.DISK_FULL };
}

export async function checkDatabase(config: Config): Promise<Finding> {
  const what = "Database";
  if (config.databaseUrl !== null) return checkServer(what, config.databaseUrl);
  const startedAt = Date.now();
  return inHome(config.home, "postgres", async (home, trial) => {
    const server = await startPostgres({ home });
    try {
      const found = await checkServer(what, server.url);
      const how = trial ? "a trial server was made and started" : server.attached ? "running" : "started";
      return { ...found, message: `embedded, ${how} in ${Date.now() - startedAt} ms: ${found.message}` };
    } finally {
      await server.stop();
    }
  }).catch((error: unknown) => broken(what, error));
}

async function checkServer(what: string, url: string): Promise<Finding> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 5_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ number: number; version: string; fsync: string; commit: string }>(
      `SELECT current_setting('server_version_num')::int AS number, current_setting('server_version') AS version,
              current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS commit`,
    );
    const { number = 0, version = "", fsync = "", commit = "" } = rows[0] ?? {};
    const message = `Postgres ${version}`;
    if (number < 150_000) return { what, state: "missing", message, advice: ERRORS.DATABASE_TOO_OLD };
    if (fsync === "on" && commit !== "off") return { what, state: "ok", message };
    const advice = "Set fsync and synchronous_commit to on: otherwise a crash of the server loses what was promised.";
    return { what, state: "warning", message: `${message}, fsync ${fsync}, synchronous_commit ${commit}`, advice };
  } catch (error) {
    const code = (error as { code?: string }).code ?? "";
    return broken(what, error, /^(28|3D)/.test(code) ? "DATABASE_REFUSED" : "DATABASE_UNREACHABLE");
  } finally {
    await client.end().catch(() => undefined);
  }
}

export async function checkAws(config: Config): Promise<Finding> {
  if (config.aws === "local") return checkLocalAws(config);
  const what = "AWS";
  const connection = config.connections["default"];
  const { STSClient, GetCallerIdentityCommand } = await import("@aws-sdk/client-sts");
  const endpoint = (connection?.settings["endpoints"] as JsonObject | undefined)?.["sts"];
  const client = new STSClient({
    region: connection?.region ?? "us-east-1",
    maxAttempts: 1,
    ...(typeof endpoint === "string" ? { endpoint } : {}),
  });
  try {
    const answer = await client.send(new GetCallerIdentityCommand({}), { abortSignal: AbortSignal.timeout(5_000) });
    return { what, state: "ok", message: `${answer.Arn ?? "known"} in ${connection?.region ?? ""}` };
  } catch (error) {
    const name = (error as Error).name;
    const isCredentials = /Credential|Token|Signature|AccessDenied/i.test(name);
    const message = isCredentials ? `no usable credentials: ${(error as Error).message}` : (error as Error).message;
    // Everything works without an account with --aws local, so this is no failure yet.
    return { what, state: "warning", message, advice: ERRORS[isCredentials ? "AWS_CREDENTIALS" : "AWS_UNREACHABLE"] };
  } finally {
    client.destroy();
  }
}

async function checkLocalAws(config: Config): Promise<Finding> {
  const what = "local-aws";
  const running = await findLocalAws(config.home);
  if (running !== null) return { what, state: "ok", message: `running at ${running.url}` };
  return inHome(config.home, "local-aws", async (home) => {
    const started = await startLocalAws({ home });
    await started.stop();
    return { what, state: "ok", message: "starts, answers and stops" } as const;
  }).catch((error: unknown) => broken(what, error));
}

/** In home when it was set up before, else in a folder that is thrown away: a doctor leaves nothing behind. */
async function inHome<T>(home: string, part: string, action: (home: string, trial: boolean) => Promise<T>): Promise<T> {
  for (const name of [part, `${part}.json`]) {
    if ((await stat(join(home, name)).catch(() => null)) !== null) return action(home, false);
  }
  const folder = await mkdtemp(join(tmpdir(), "nocturne-doctor-"));
  try {
    await chmod(folder, 0o755);
    await mkdir(join(folder, "home"));
    return await action(join(folder, "home"), true);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function broken(what: string, error: unknown, code?: ErrorCode): Finding {
  const [problem] = problemsOf(error);
  const message = (error as Error).message || (problem?.message ?? "");
  const advice = ERRORS[code ?? problem?.code ?? "INTERNAL"];
  return { what, state: "missing", message, advice };
}
