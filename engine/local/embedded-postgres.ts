import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { NocturneError } from "../core/errors.ts";
import { makeHome } from "./home.ts";
import { withLock } from "./lock.ts";
import { usableBinaries } from "./postgres/binaries.ts";
import { openCluster, type Cluster } from "./postgres/cluster.ts";
import { findPlace } from "./postgres/place.ts";
import { attach, shutDown, start, type Connected } from "./postgres/postmaster.ts";

/** A Postgres server of this home, in use until `stop`. */
export interface EmbeddedPostgres {
  /** postgres://…: a superuser, on 127.0.0.1 only. */
  readonly url: string;
  /** Whether it was already running: another process of this home uses it, or an earlier one was killed. */
  readonly attached: boolean;
  /**
   * Call it when your own connections are closed. The last one out stops the server: as long as anybody else is connected
   * (every user of `startPostgres` holds one connection), it goes on. Safe to repeat.
   */
  stop(): Promise<void>;
}

/**
 * The Postgres of this home, made and started when need be: real server programs from npm, data and logs in
 * <home>/postgres. Any number of processes may call this for one home at the same time.
 * Throws NocturneError EMBEDDED_POSTGRES or DISK_FULL, HOME_UNUSABLE.
 */
export async function startPostgres(options: {
  readonly home: string;
  readonly log?: (line: string) => void;
}): Promise<EmbeddedPostgres> {
  const log = options.log ?? (() => undefined);
  try {
    await makeHome(options.home);
    const home = await realpath(options.home);
    const lock = join(home, "postgres.lock");
    const { connected, cluster, attached } = await withLock(lock, () => bringUp(home, log));
    let stopping: Promise<void> | undefined;
    const stop = () => (stopping ??= withLock(lock, () => leave(connected, cluster, log)));
    return { url: connected.url, attached, stop };
  } catch (error) {
    throw explained(error, options.home);
  }
}

async function bringUp(home: string, log: (line: string) => void) {
  const place = await findPlace(home);
  const binaries = await usableBinaries(place.account, place.shelf);
  const cluster = await openCluster(place, binaries);
  const running = await attach(cluster);
  const connected = running ?? (await start(cluster, binaries));
  log(`${running === null ? "started" : "attached to"} Postgres ${binaries.version} in ${cluster.data}`);
  return { connected, cluster, attached: running !== null };
}

async function leave(connected: Connected, cluster: Cluster, log: (line: string) => void): Promise<void> {
  connected.presence.ref();
  if (await othersAreConnected(connected)) {
    await connected.presence.end().catch(() => undefined);
    log("Postgres goes on: somebody else is connected");
    return;
  }
  await shutDown(connected, cluster);
  log("stopped Postgres");
}

/** A connection that was just closed is seen for a moment longer: only one that stays counts. */
async function othersAreConnected({ presence }: Connected): Promise<boolean> {
  const count = `SELECT count(*)::int AS others FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()`;
  for (let look = 0; look < 10; look += 1) {
    const answer = await presence.query<{ others: number }>(count).catch(() => null);
    if ((answer?.rows[0]?.others ?? 0) === 0) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

function explained(error: unknown, home: string): NocturneError {
  if (error instanceof NocturneError) return error;
  const { code, message } = error as NodeJS.ErrnoException;
  return new NocturneError(
    {
      code: code === "ENOSPC" ? "DISK_FULL" : "EMBEDDED_POSTGRES",
      message: `Postgres could not be set up in ${home}: ${message}`,
    },
    { cause: error },
  );
}
