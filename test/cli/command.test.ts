import { spawn } from "node:child_process";
import { chmod, mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const program = fileURLToPath(new URL("../../bin/nocturne.js", import.meta.url));
let cwd: string;

beforeEach(async () => {
  cwd = await mkdtemp(join(tmpdir(), "nocturne-cli-"));
  await chmod(cwd, 0o755);
});
afterEach(() => rm(cwd, { recursive: true, force: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

function nocturne(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const own = Object.entries(process.env).filter(([name]) => !/^(NOCTURNE_|AWS_|DATABASE_URL$|NO_COLOR$)/.test(name));
  const child = spawn(process.execPath, [program, ...args], {
    cwd,
    env: { ...Object.fromEntries(own), AWS_EC2_METADATA_DISABLED: "true", ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, ...said }));
  });
}

const DAG = `dag: two_steps
schedule: { cron: "0 2 * * *", timezone: Europe/Berlin }
tasks:
  extract: { operator: noop }
  load: { operator: noop, depends_on: [extract] }
`;

async function writeDag(text: string): Promise<void> {
  await mkdir(join(cwd, "dags"), { recursive: true });
  await writeFile(join(cwd, "dags/two.yaml"), text);
}

describe("the nocturne command", () => {
  test("without arguments and with --help shows its commands, with examples and exit codes, and ends with 0", async () => {
    for (const args of [[], ["--help"], ["backfill", "--help"], ["runs", "show", "--help"]]) {
      const { code, out, err } = await nocturne(args);
      expect({ code, err }).toEqual({ code: 0, err: "" });
      expect(out).toContain("Examples:");
      expect(out).toContain("Exit codes: 0 done");
    }
  });

  test("an unknown command or option is a sentence with a guess, and ends with 2", async () => {
    expect(await nocturne(["bakfill"])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/^nocturne: USAGE {2}unknown command 'bakfill'.*backfill/) as string,
    });
    expect(await nocturne(["runs", "list", "--jsn"])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/unknown option '--jsn'.*--json/) as string,
    });
    expect(await nocturne(["backfill", "two_steps", "--from", "2026-01-01"])).toMatchObject({
      code: 2,
      err: expect.stringContaining("--to") as string,
    });
  });

  test("a role that is none, or no role at all, is refused before anything is started, and ends with 2", async () => {
    expect(await nocturne(["up", "--roles", "engine,apii"])).toMatchObject({
      code: 2,
      out: "",
      err: expect.stringMatching(/^nocturne: USAGE {2}--roles engine,apii: there is no role apii/) as string,
    });
    expect(await nocturne(["up", "--roles", ""])).toMatchObject({
      code: 2,
      err: expect.stringContaining("no role is named; expected some of engine, api, alert") as string,
    });
    expect(await readdir(cwd)).toEqual([]);
  });

  test("a problem in nocturne.yaml is shown at its line with a caret, and ends with 2", async () => {
    await writeFile(join(cwd, "nocturne.yaml"), "fleet: night\nhom: x\n");
    const { code, err } = await nocturne(["dags", "list"]);
    expect(code).toBe(2);
    expect(err).toMatch(/nocturne\.yaml:2:1 {2}CONFIG_INVALID {2}hom: no such key/);
    expect(err).toContain("^^^ did you mean home?");
    expect(err).not.toContain("    at ");
  });

  test("a sound folder of DAGs is checked, listed and drawn without a database", async () => {
    await writeDag(DAG);
    const checked = await nocturne(["dags", "check"]);
    expect(checked).toEqual({ code: 0, err: "", out: "1 DAG checked, no problems: two_steps\n" });
    const listed = await nocturne(["dags", "list", "--json"]);
    expect(JSON.parse(listed.out)).toMatchObject({
      dags: [{ dag_id: "two_steps", schedule: "0 2 * * *", timezone: "Europe/Berlin", tasks: 2, paused: false }],
    });
    const shown = await nocturne(["dags", "show", "two_steps"]);
    expect(shown.out).toContain("  ── extract  noop\n  │\n  ── load     noop  after extract\n");
    expect(await readdir(cwd)).toEqual(["dags"]);
  });

  test("every problem of a DAG file is shown at once, on standard output, and ends with 1", async () => {
    await writeDag(
      DAG.replace("[extract]", "[extrct]").replace("extract: { operator: noop }", "extract: { operator: nop }"),
    );
    const { code, out } = await nocturne(["dags", "check"]);
    expect(code).toBe(1);
    expect(out).toContain("DAG_UNKNOWN_TASK");
    expect(out).toContain("DAG_UNKNOWN_OPERATOR");
    expect(out).toContain("did you mean extract?");
    expect(out).toMatch(/dags\/two\.yaml:5:/);
    const json = await nocturne(["dags", "check", "dags/two.yaml", "--json"]);
    expect(JSON.parse(json.out)).toMatchObject({ ok: false, problems: [{ line: 4 }, { line: 5 }] });
  });

  test("a DAG that is not there ends with 3 and names the one that was meant", async () => {
    await writeDag(DAG);
    const { code, err } = await nocturne(["dags", "show", "two_step"]);
    expect({ code, err }).toMatchObject({ code: 3, err: expect.stringContaining("did you mean two_steps?") as string });
  });

  test("a range that is none is told before anything starts", async () => {
    await writeDag(DAG);
    const range = (from: string, to: string) => nocturne(["backfill", "two_steps", "--from", from, "--to", to]);
    expect(await range("2026-02-01", "2026-01-01")).toMatchObject({ code: 2 });
    expect(await range("yesterday", "2026-01-01")).toMatchObject({ code: 2 });
    expect(await readdir(cwd)).toEqual(["dags"]);
  });

  test("a database that does not answer is one sentence with what to do, and ends with 1", async () => {
    const { code, err } = await nocturne(["runs", "list", "--database-url", "postgres://a:b@127.0.0.1:1/x"]);
    expect(code).toBe(1);
    expect(err).toMatch(/^nocturne: DATABASE_UNREACHABLE {2}.+\n {2}Start the database or correct DATABASE_URL/);
    expect(err).not.toContain("    at ");
  });

  test("a backfill says what it will do, does it, and leaves alone what is done", async () => {
    await writeDag(DAG);
    const args = ["backfill", "two_steps", "--from", "2026-01-01", "--to", "2026-01-03"];
    const dry = await nocturne([...args, "--dry-run"]);
    expect(dry).toMatchObject({
      code: 0,
      out: expect.stringContaining("3  make  (2026-01-01, 2026-01-02, 2026-01-03)") as string,
    });
    const first = await nocturne([...args, "--json"]);
    expect({ code: first.code, err: first.err }).toMatchObject({ code: 0 });
    expect(JSON.parse(first.out)).toMatchObject({
      dag_id: "two_steps",
      planned: { create: 3, reprocess: 0, leave: 0, not_yet: 0 },
      runs: [{ state: "success" }, { state: "success" }, { state: "success" }],
    });
    const again = await nocturne(args);
    expect(again).toMatchObject({
      code: 0,
      out: expect.stringContaining("3  leave alone: its run ended in success") as string,
    });
    const listed = JSON.parse((await nocturne(["runs", "list", "--json"])).out) as { runs: { dag_run_id: string }[] };
    expect(listed.runs).toHaveLength(3);
    const shown = await nocturne(["runs", "show", listed.runs[0]?.dag_run_id ?? ""]);
    expect(shown).toMatchObject({ code: 0, out: expect.stringMatching(/extract +noop +success/) as string });
    expect(await nocturne(["runs", "show", "no_such_run"])).toMatchObject({ code: 3 });
  });

  test("doctor says what it found as one document and leaves nothing behind", async () => {
    await writeDag(DAG);
    const { code, out } = await nocturne(["doctor", "--json"]);
    const report = JSON.parse(out) as { ok: boolean; findings: { what: string; state: string }[] };
    expect({ code, ok: report.ok }).toEqual({ code: 0, ok: true });
    const states = Object.fromEntries(report.findings.map(({ what, state }) => [what, state]));
    expect(states).toMatchObject({ Node: "ok", Home: "ok", Database: "ok", DAGs: "ok", AWS: "warning" });
    expect(await readdir(cwd)).toEqual(["dags"]);
  });

  test("doctor ends with 1 when something is missing, and says how to mend it", async () => {
    await writeDag(DAG.replace("noop }", "nop }"));
    const { code, out } = await nocturne(["doctor", "--database-url", "postgres://a:b@127.0.0.1:1/x"]);
    expect(code).toBe(1);
    expect(out).toMatch(/missing +Database/);
    expect(out).toContain("Start the database or correct DATABASE_URL");
    expect(out).toContain("`nocturne dags check` shows each of them.");
  });
});
