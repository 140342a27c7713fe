import { spawn } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import { onTestFinished } from "vitest";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { endLocalAws, startLocalAws } from "../../engine/local/local-aws.ts";
import { layCluster, temporaryFolder } from "./made-home.ts";

const PROGRAM = resolve(import.meta.dirname, "../../bin/nocturne.js");

/** What `demo --json` prints, as far as the stories need it. */
export interface StoryDocument {
  readonly runs: readonly { dag_run_id: string; logical_date: string; state: string; seconds: number }[];
  readonly stores: readonly { net_sales: string }[];
  readonly cost: { readonly amount: string; readonly currency: string };
  readonly sla: { readonly met: number; readonly missed: number };
  readonly mails: readonly { kind: string; subject: string; to: string }[];
  readonly budget: { limit: string; spent: string; currency: string; stopped: boolean };
}

/** A run as `runs show --json` prints it. */
export interface ShownRun {
  readonly state: string;
  readonly ended_at: string;
  readonly tasks: readonly {
    readonly task_id: string;
    readonly operator: string;
    readonly state: string;
    readonly started_at: string;
    readonly attempts: readonly {
      readonly launch_key: string;
      readonly failure: { readonly code: string; readonly message: string } | null;
      readonly usage: readonly { readonly kind: string; readonly quantity: string; readonly amount: string }[];
    }[];
  }[];
}

export interface RemoteJob {
  readonly service: string;
  readonly launchKey: string | null;
  readonly state: string;
  readonly startedAt: number;
  readonly endedAt: number | null;
}

/** A home of its own, gone with everything that still runs in it when the test is over. */
export function demoHome(): string {
  const home = temporaryFolder("story");
  layCluster(home);
  onTestFinished(async () => {
    await endLocalAws(home);
    await (await startPostgres({ home })).stop();
    await rm(home, { recursive: true, force: true });
  });
  return home;
}

/** Runs the program; the environment says nothing but what `env` adds. */
export function nocturne(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const own = Object.entries(process.env).filter(([name]) => !/^(NOCTURNE_|AWS_|DATABASE_URL$|SMTP_URL$)/.test(name));
  const child = spawn(process.execPath, [PROGRAM, ...args], {
    env: { ...Object.fromEntries(own), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
  return new Promise((settle, reject) => {
    child.once("error", reject);
    child.once("close", (code) => settle({ code, ...said }));
  });
}

/** The run as the demo's database has it. */
export async function shownRun(home: string, dagRunId: string): Promise<ShownRun> {
  const { out } = await nocturne(["runs", "show", dagRunId, "--home", home, "--json"]);
  return JSON.parse(out) as ShownRun;
}

/** Every remote job that the demo's local-aws ever had: started again over the same state, it still lists them. */
export async function remoteJobs(home: string): Promise<readonly RemoteJob[]> {
  const local = await startLocalAws({ home });
  try {
    return (await (await fetch(`${local.url}/_local/runs`)).json()) as readonly RemoteJob[];
  } finally {
    await local.stop();
  }
}

/** The mails of the inbox folder: their header lines by name. */
export async function inboxMails(home: string): Promise<readonly Readonly<Record<string, string>>[]> {
  const files = await readdir(join(home, "inbox"));
  const texts = await Promise.all(files.map((file) => readFile(join(home, "inbox", file), "utf8")));
  return texts.map((text) => {
    const [head = ""] = text.split("\r\n\r\n");
    const lines = head.replace(/\r\n[ \t]+/g, " ").split("\r\n");
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 2)]),
    );
  });
}
