import { spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { NocturneError } from "../../engine/core/errors.ts";
import { choiceOf, refOf } from "../../engine/cli/people/choice.ts";

describe("which task instances a command line means", () => {
  test("tasks by name, with the flags that were said and no others", () => {
    expect(choiceOf(["load"], { mapIndex: 2, downstream: true })).toEqual({
      tasks: [{ task: "load", mapIndex: 2 }],
      withDownstream: true,
    });
    expect(choiceOf([], { onlyFailed: true })).toEqual({ tasks: null, onlyFailed: true });
  });

  test.each([
    ["an index without a task", [], { mapIndex: 1 }],
    ["relatives of nothing", [], { downstream: true }],
    ["looking only, and allowing all the same", ["load"], { dryRun: true, yes: true }],
  ])("refused: %s", (_, names, options) => {
    expect(() => choiceOf(names, options)).toThrow(NocturneError);
  });

  test("a foreign job is text, or JSON where it begins like it", () => {
    expect(refOf("jr_1")).toBe("jr_1");
    expect(refOf('{"run":"jr_1"}')).toEqual({ run: "jr_1" });
    expect(() => refOf("{run")).toThrow("begins like JSON");
  });
});

describe("on a database", () => {
  const program = fileURLToPath(new URL("../../bin/nocturne.js", import.meta.url));
  let cwd: string;

  async function nocturne(...args: readonly string[]) {
    const own = Object.entries(process.env).filter(([name]) => !/^(NOCTURNE_|AWS_|DATABASE_URL$|NO_COLOR$)/.test(name));
    const env = { ...Object.fromEntries(own), AWS_EC2_METADATA_DISABLED: "true" };
    const child = spawn(process.execPath, [program, ...args], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    const said = { out: "", err: "" };
    child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
    child.stderr.on("data", (chunk: Buffer) => (said.err += chunk.toString()));
    const code = await new Promise((resolve) => child.once("close", resolve));
    return { code, ...said };
  }

  beforeAll(async () => {
    cwd = await mkdtemp(join(tmpdir(), "nocturne-people-"));
    await mkdir(join(cwd, "dags"));
    const dag = `dag: two_steps
schedule: { cron: "0 2 * * *", timezone: UTC }
tasks:
  extract: { operator: noop }
  load: { operator: noop, depends_on: [extract] }
`;
    await writeFile(join(cwd, "dags/two.yaml"), dag);
    const made = await nocturne("backfill", "two_steps", "--from", "2026-01-01", "--to", "2026-01-01");
    expect(made.code, made.err).toBe(0);
  });
  afterAll(() => rm(cwd, { recursive: true, force: true }));

  const RUN = "backfill__2026-01-01T02:00:00+00:00";

  test("tasks are listed, looked at, cleared, marked and noted, and the audit log has it all", async () => {
    const listed = await nocturne("runs", "list", "--json");
    const [run] = (JSON.parse(listed.out) as { runs: { dag_run_id: string }[] }).runs;
    const name = run?.dag_run_id ?? RUN;
    const look = await nocturne("tasks", "clear", name, "load", "--dry-run", "--json");
    expect(JSON.parse(look.out), look.err).toMatchObject({
      dry_run: true,
      tasks: [{ task_id: "load", state: "success" }],
    });
    expect(await nocturne("tasks", "clear", name, "load")).toMatchObject({
      code: 2,
      err: expect.stringContaining("say --yes") as string,
    });
    const cleared = await nocturne("tasks", "clear", name, "load", "--yes");
    expect(cleared, cleared.err).toMatchObject({ code: 0, out: expect.stringContaining("1 task instance") as string });
    expect((await nocturne("tasks", "note", name, "load", "half a day")).code).toBe(0);
    expect((await nocturne("tasks", "list", name)).out).toContain("half a day");
    expect(await nocturne("tasks", "clear", name, "lod", "--yes")).toMatchObject({
      code: 3,
      err: expect.stringContaining("did you mean load?") as string,
    });
    expect(await nocturne("tasks", "mark", name, "succes", "load", "--yes")).toMatchObject({
      code: 2,
      err: expect.stringContaining("did you mean success?") as string,
    });
    const log = await nocturne("audit", "--json");
    const { entries } = JSON.parse(log.out) as { entries: { action: string; by: string; dag_run_id: string | null }[] };
    expect(entries.map(({ action }) => action)).toEqual(
      expect.arrayContaining(["backfill", "clear_tasks", "note_task"]),
    );
    expect(entries[0]?.by).toMatch(/^cli:./);
  });
});
