import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, mkdtemp, open, rm } from "node:fs/promises";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { usableBinaries, type Binaries } from "../../engine/local/postgres/binaries.ts";
import { openCluster, spawnAs, SUPERUSER, type Cluster } from "../../engine/local/postgres/cluster.ts";
import { findPlace } from "../../engine/local/postgres/place.ts";

/** How a server ends: fast rolls back what is open, immediate is a crash that is recovered from at the next start. */
export type Stop = "fast" | "immediate";

const SIGNALS = { fast: "SIGINT", immediate: "SIGQUIT" } as const;

/** A Postgres server of a test's own, which it may stop, start again at the same address, and make suffer. */
export class OwnPostgres {
  readonly url: string;
  private readonly home: string;
  private readonly port: number;
  private readonly binaries: Binaries;
  private readonly cluster: Cluster;
  private readonly environment: NodeJS.ProcessEnv;
  private readonly removesHome: boolean;
  private server: ChildProcess | null = null;

  private constructor(
    home: string,
    removesHome: boolean,
    port: number,
    binaries: Binaries,
    cluster: Cluster,
    environment: NodeJS.ProcessEnv,
  ) {
    this.home = home;
    this.removesHome = removesHome;
    this.port = port;
    this.binaries = binaries;
    this.cluster = cluster;
    this.environment = environment;
    this.url = `postgres://${SUPERUSER}:${cluster.password}@127.0.0.1:${port}/postgres?sslmode=disable`;
  }

  /** A new cluster, started; in `home` if given, else in a folder that goes with it. */
  static async start(
    options: { readonly home?: string; readonly environment?: NodeJS.ProcessEnv } = {},
  ): Promise<OwnPostgres> {
    const home = options.home ?? (await mkdtemp(join(tmpdir(), "nocturne-own-")));
    await chmod(home, 0o755);
    const place = await findPlace(home);
    const binaries = await usableBinaries(place.account, place.shelf);
    const cluster = await openCluster(place, binaries);
    const { environment = {} } = options;
    const removesHome = options.home === undefined;
    const own = new OwnPostgres(home, removesHome, await freePort(), binaries, cluster, environment);
    await own.start();
    return own;
  }

  /** Starts it again and waits until it answers. */
  async start(): Promise<void> {
    const log = await open(this.cluster.log, "a");
    const as = spawnAs(this.cluster.account, dirname(this.cluster.data));
    const settings = ["listen_addresses=127.0.0.1", "unix_socket_directories=", "shared_buffers=16MB", "timezone=UTC"];
    const args = ["-D", this.cluster.data, "-p", String(this.port), ...settings.flatMap((setting) => ["-c", setting])];
    this.server = spawn(this.binaries.postgres, args, {
      ...as,
      env: { ...as.env, ...this.environment },
      stdio: ["ignore", log.fd, log.fd],
    });
    await log.close();
    while (!(await this.answers())) {
      if (this.server.exitCode !== null) throw new Error(`Postgres ended: see ${this.cluster.log}`);
      await delay(20);
    }
  }

  async stop(how: Stop = "fast"): Promise<void> {
    const { server } = this;
    this.server = null;
    if (!server || server.exitCode !== null) return;
    const ended = once(server, "exit");
    server.kill(SIGNALS[how]);
    await ended;
  }

  async remove(): Promise<void> {
    await this.stop("immediate");
    if (this.removesHome) await rm(this.home, { recursive: true, force: true });
  }

  private async answers(): Promise<boolean> {
    const client = new pg.Client({ connectionString: this.url, connectionTimeoutMillis: 2_000 });
    client.on("error", () => undefined);
    try {
      await client.connect();
      await client.query("SELECT 1");
      return true;
    } catch {
      return false;
    } finally {
      await client.end().catch(() => undefined);
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
