import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import pg from "pg";
import { NocturneError } from "../../core/errors.ts";
import { startPostgres } from "../../local/embedded-postgres.ts";
import { endLocalAws, startLocalAws, type LocalAws, type TimeWish } from "../../local/local-aws.ts";
import { makeHome } from "../../local/home.ts";
import { tryLock, type Lock } from "../../local/lock.ts";
import { packageRoot } from "../../local/package-root.ts";

/** Every demo has this schema to itself and begins by dropping it: no other fleet's rows are ever touched. */
export const DEMO_FLEET = "nocturne_demo";

/** The first holds the sales; the second what the clients upload. */
export const DEMO_BUCKETS = ["acme-sales", "nocturne-artifacts"] as const;

/** Takes the demo's folder for this process; throws HOME_UNUSABLE, or HOME_IN_USE while another demo runs there. */
export async function takeHome(home: string): Promise<Lock> {
  await makeHome(home);
  const lock = await tryLock(join(home, "demo.lock"));
  if ("release" in lock) return lock;
  const message = `another demo (process ${lock.heldBy}) is running in ${home}`;
  throw new NocturneError({ code: "HOME_IN_USE", message });
}

/** So that `nocturne runs list --home …` finds the demo's runs afterwards. */
export async function writeSettings(home: string): Promise<void> {
  const dags = JSON.stringify(join(packageRoot(), "dags"));
  const lines = [
    "# Written by `nocturne demo`.",
    `fleet: ${DEMO_FLEET}`,
    "aws: local",
    'home: "."',
    `dags_folder: ${dags}`,
  ];
  await mkdir(home, { recursive: true });
  await writeFile(join(home, "nocturne.yaml"), `${lines.join("\n")}\n`);
}

/** A local-aws with nothing in it; what an earlier demo left running, perhaps killed, is ended first. `time`: its own clock. */
export async function freshLocalAws(home: string, time?: TimeWish): Promise<LocalAws> {
  await endLocalAws(home);
  await rm(join(home, "local-aws"), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
  return startLocalAws(time === undefined ? { home } : { home, time });
}

/** A database without rows of an earlier demo: the embedded one, unless another is named. */
export async function freshDatabase(home: string, url: string | null): Promise<{ url: string; stop(): Promise<void> }> {
  const server = url === null ? await startPostgres({ home }) : { url, stop: async () => undefined };
  try {
    await dropFleet(server.url);
    return server;
  } catch (error) {
    await server.stop();
    throw error;
  }
}

async function dropFleet(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  client.on("error", () => undefined);
  try {
    await client.connect();
  } catch (error) {
    const { code = "", message } = error as { code?: string; message: string };
    const refused = /^(28|3D)/.test(code);
    throw new NocturneError(
      { code: refused ? "DATABASE_REFUSED" : "DATABASE_UNREACHABLE", message: message || code },
      { cause: error },
    );
  }
  try {
    // A killed demo's connection may still be there for a moment, holding locks.
    await client.query("SET lock_timeout = '10s'");
    await client.query(`DROP SCHEMA IF EXISTS ${DEMO_FLEET} CASCADE`);
  } finally {
    await client.end();
  }
}
