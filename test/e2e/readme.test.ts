import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join, relative, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { endLocalAws } from "../../engine/local/local-aws.ts";
import { startMailServer, type MailServer } from "../notify/mail-server.ts";
import { inboxMails } from "./demo-story.ts";
import { until } from "./project.ts";
import { Shell } from "./shell.ts";

const ROOT = resolve(import.meta.dirname, "../..");
/** What a fresh clone does not have. */
const NOT_CLONED = new Set([".git", "node_modules", ".nocturne", "first"]);
const ITS_MAIL_SERVER = "smtp://user:password@mail.example.com:587";

const scratch = mkdtempSync(join(tmpdir(), "nocturne-readme-"));
const clone = join(scratch, "clone");
const homes = [join(clone, "first/.nocturne"), join(clone, ".nocturne/demo")];
let blocks: string[] = [];
let mailServer: MailServer;
/** Where `up` runs; and where the reader types what comes after it. */
let first: Shell;
let second: Shell;
let system: ReturnType<Shell["type"]>;

/** The blocks of the README's two sections, in order, with a port and a mail server that are free to use here. */
function readmeBlocks(port: number): string[] {
  const [, text = ""] =
    /^## Your first DAG\n([\s\S]*?)^## Commands$/m.exec(readFileSync(join(ROOT, "README.md"), "utf8")) ?? [];
  return [...text.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, block = ""]) =>
    block.replaceAll("8080", String(port)).replace(ITS_MAIL_SERVER, mailServer.url),
  );
}

/** The next block, which has to hold `command`: the text and the test go the same way. */
function next(command: string): string {
  const block = blocks.shift() ?? "";
  expect(block).toContain(command);
  return block;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}

beforeAll(async () => {
  mailServer = await startMailServer();
  chmodSync(scratch, 0o755);
  const filter = (path: string): boolean => !NOT_CLONED.has(relative(ROOT, path));
  cpSync(ROOT, clone, { recursive: true, preserveTimestamps: true, filter });
  symlinkSync(join(ROOT, "node_modules"), join(clone, "node_modules"));
  // Nothing of who runs the tests: neither settings nor what npm says of this checkout.
  const own = Object.entries(process.env).filter(
    ([name]) => !/^(npm_|NOCTURNE_|AWS_|DATABASE_URL$|SMTP_URL$)/i.test(name),
  );
  const env = { ...Object.fromEntries(own), npm_config_cache: join(scratch, "npm"), npm_config_offline: "true" };
  blocks = readmeBlocks(await freePort());
  first = new Shell("first", clone, scratch, env);
  mkdirSync(join(clone, "first"));
  second = new Shell("second", join(clone, "first"), scratch, env);
});

afterAll(async () => {
  await first.close();
  await second.close();
  for (const home of homes.filter((folder) => existsSync(folder))) {
    await endLocalAws(home);
    await (await startPostgres({ home })).stop();
  }
  await mailServer.close();
  rmSync(scratch, { recursive: true, force: true });
});

describe("what the README says to type, word for word, in a fresh clone without network", () => {
  test("makes a first DAG, checks it, draws it and runs three nights", async () => {
    await first.run(next("cat > dags/store_visits.yaml"));
    const { stdout } = await first.run(next("nocturne dags check"));
    expect(stdout).toContain("1 DAG checked, no problems: store_visits");
    expect(stdout).toMatch(/note +redshift\.sql +after load_day/);
    expect(stdout).toContain("3 runs succeeded, 0 failed.");
    expect(stdout.match(/^backfill__2026-01-0[567]T02:00:00\+00:00 +store_visits +success/gm)).toHaveLength(3);
  });

  test("starts the system, which says its line and runs last night's run at once", async () => {
    system = first.type(next("nocturne up"));
    await until("the ready line", () => system.said().stdout.includes("\n"));
    expect(system.said().stdout).toMatch(
      /^nocturne is ready at http:\/\/127\.0\.0\.1:\d+ {2}\(engine, api, alert; 1 DAG; inbox: \S+\/first\/\.nocturne\/inbox; LOCAL\)\n$/,
    );
    await until("last night's run", () =>
      /store_visits {2}scheduled__\S+ {2}ended in success/.test(system.said().stderr),
    );
  });

  test("asks for health and the next nights, pauses and unpauses", async () => {
    const { stdout } = await second.run(next("monitor/health"));
    expect(JSON.parse(stdout.slice(0, stdout.indexOf("\n")))).toMatchObject({ ready: true });
    expect(stdout).toMatch(/DUE +Europe\/Berlin +ds\n/);
    expect(stdout).toContain("store_visits is now paused.");
    expect(stdout).toContain("store_visits is now active.");
    expect(stdout).toMatch(/^scheduled__\S+ +store_visits +success/m);
  });

  test("has the running system do a week of past nights", async () => {
    const { stdout, stderr } = await second.run(next("--dry-run"));
    expect(stderr).toContain("The running system carries it out");
    expect(stdout).toContain("7 runs succeeded, 0 failed.");
  });

  test("triggers a run over HTTP, twice the same, and reads it until it is done", async () => {
    const trigger = next("-X POST");
    const answers = [await second.run(trigger), await second.run(trigger)].map(
      ({ stdout }) => JSON.parse(stdout) as { dag_run_id: string; queued_at: string },
    );
    expect(answers[0]).toMatchObject({ dag_run_id: "after_deploy", run_type: "manual", dag_id: "store_visits" });
    expect(answers[1]?.queued_at).toBe(answers[0]?.queued_at);
    const read = next("dagRuns/after_deploy");
    await until("the run's end", async () => {
      const { state } = JSON.parse((await second.run(read)).stdout) as { state: string };
      return state === "success";
    });
  });

  test("shows a missed deadline and its mail in the inbox", async () => {
    const { stdout } = await second.run(next("npm run demo -- --slow"));
    expect(stdout).toMatch(/^Night +2026-01-01, .*: success$/m);
    expect(stdout).toMatch(/^Missed +ready_for_stores, 2026-01-02 06:00$/m);
    expect(stdout).toMatch(/^Mail +1 in \S+\/\.nocturne\/demo\/inbox/m);
    expect(await inboxMails(join(clone, ".nocturne/demo"))).toHaveLength(1);
  });

  test("sends that mail over a server of one's own", async () => {
    await second.run(next("SMTP_URL="));
    expect(mailServer.arrived.map(({ headers }) => headers.get("subject"))).toEqual([
      expect.stringContaining("nightly_store_sales missed ready_for_stores"),
    ]);
  });

  test("shows a budget that ends a run", async () => {
    const { stdout } = await second.run(next("npm run demo -- --overspend"));
    for (const end of [/Glue \S+: STOPPED/, /EMR \S+: TERMINATED/, /BUDGET_EXCEEDED {2}the run spent/])
      expect(stdout).toMatch(end);
    const subjects = (await inboxMails(join(clone, ".nocturne/demo"))).map((mail) => mail["Subject"]);
    expect(subjects.sort()).toEqual([
      expect.stringMatching(/runaway_glue exceeded its budget/),
      expect.stringMatching(/runaway_glue nears its budget/),
    ]);
  });

  test("and Ctrl-C stops the system in order; nothing of the page is left untyped", async () => {
    const { stdout } = system.said();
    await first.interrupt();
    await until("the end of the API", () =>
      fetch(/http:\S+/.exec(stdout)?.[0] ?? "").then(
        () => false,
        () => true,
      ),
    );
    expect(system.said().stderr).toContain("nocturne: stopping");
    expect(blocks).toEqual([]);
  });
});
