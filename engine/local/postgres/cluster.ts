import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { chown, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { NocturneError } from "../../core/errors.ts";
import type { Account } from "./account.ts";
import type { Binaries } from "./binaries.ts";
import type { Place } from "./place.ts";

/** A made cluster: its data, and the password that was set when it was made. */
export interface Cluster {
  readonly data: string;
  readonly password: string;
  readonly log: string;
  readonly account: Account;
}

export const SUPERUSER = "nocturne";

/** The server's programs see nothing of our environment that could change what they do. */
export const serverEnvironment = (): NodeJS.ProcessEnv => ({
  PATH: process.env["PATH"],
  ...(process.env["SystemRoot"] === undefined ? {} : { SystemRoot: process.env["SystemRoot"] }),
  LC_ALL: "C",
  TZ: "UTC",
});

/** How a child is started as the account, in a folder that it may enter. */
export const spawnAs = (account: Account, cwd: string) => ({
  cwd,
  env: serverEnvironment(),
  ...(account === null ? {} : { uid: account.uid, gid: account.gid }),
});

/**
 * The cluster of this place, made when there is none. Data and password are made in a folder aside that is renamed when it
 * is whole: a kill in between leaves nothing but a folder that the next call removes.
 */
export async function openCluster(place: Place, binaries: Binaries): Promise<Cluster> {
  const home = join(place.base, "cluster");
  for (const name of await readdir(place.base)) {
    if (name.startsWith("cluster.tmp-")) {
      await rm(join(place.base, name), { recursive: true, force: true, maxRetries: 5, retryDelay: 50 });
    }
  }
  if ((await stat(home).catch(() => null)) === null) await makeCluster(home, place, binaries);
  return {
    data: join(home, "data"),
    password: (await readFile(join(home, "password"), "utf8")).trim(),
    log: join(home, "server.log"),
    account: place.account,
  };
}

async function makeCluster(home: string, place: Place, binaries: Binaries): Promise<void> {
  const aside = `${home}.tmp-${randomBytes(6).toString("hex")}`;
  const [data, password] = [join(aside, "data"), join(aside, "password")];
  try {
    await mkdir(data, { recursive: true, mode: 0o700 });
    await writeFile(password, `${randomBytes(24).toString("base64url")}\n`, { mode: 0o600 });
    if (place.account !== null) {
      for (const path of [aside, data, password]) await chown(path, place.account.uid, place.account.gid);
    }
    await runInitdb(binaries, data, password, place);
    await rename(aside, home);
  } finally {
    await rm(aside, { recursive: true, force: true });
  }
}

async function runInitdb(binaries: Binaries, data: string, password: string, place: Place): Promise<void> {
  const options = ["--pgdata", data, "--username", SUPERUSER, "--pwfile", password, "--auth=scram-sha-256"];
  const locale = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"];
  const child = spawn(binaries.initdb, [...options, ...locale], {
    ...spawnAs(place.account, place.base),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => (said += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return;
  const full = said.includes("No space left on device");
  throw new NocturneError({
    code: full ? "DISK_FULL" : "EMBEDDED_POSTGRES",
    message: `initdb could not make ${place.base}/cluster: ${lastLine(said)}`,
  });
}

/** The last line that says what went wrong; initdb ends with what it removed. */
export function lastLine(text: string): string {
  const lines = text.split("\n").filter((line) => line.trim() !== "");
  return (
    lines.findLast((line) => /\b(error|FATAL|PANIC|could not)\b/i.test(line)) ??
    lines.at(-1) ??
    "it said nothing"
  )
    .replace(/^.*(?=\b(FATAL|PANIC|ERROR): )/, "")
    .trim();
}
