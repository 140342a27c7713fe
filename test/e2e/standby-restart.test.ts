import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until, type LocalRun } from "./project.ts";
import { StandbyProject } from "./standby-project.ts";

let project: StandbyProject;

beforeEach(() => {
  project = new StandbyProject();
});
afterEach(() => project.close());

const glueRuns = async (): Promise<LocalRun[]> => (await project.remoteRuns()).filter((run) => run.service === "Glue");

/** What the take of a newer version leaves in the row: a later protocol, another owner, a new epoch. */
const NEWER_TAKES = `UPDATE nocturne.writer
  SET protocol = protocol + 1, owner = 'newer', epoch = epoch + 1, expires_at = clock_timestamp() + interval '1 hour'`;

describe("a rolling restart", () => {
  test("hands the row over at once, loses no run, and goes on with the same job (rule 2)", async () => {
    // Were the row not given up, nobody could take it for the length of this test.
    project.configure({ engine: { writer_ttl: "1h" } });
    const old = await project.engine("old");
    await project.audit();
    const next = await project.engine("next");
    await project.fault({ operation: "Glue.StartJobRun", kind: "stall_run", ms: 8_000 });
    project.writeTick();
    project.writeJob();
    await until("the job", async () => (await glueRuns()).some(({ state }) => state === "RUNNING"));
    await project.wrote("old", "run_key", 2);
    const stopped = await old.stop("SIGTERM");
    expect(stopped.code, stopped.stderr).toBe(0);

    await next.says(/this process writes now/);
    expect(await project.jobEnded()).toBe("success");
    await project.wrote("next", "run_key", 3);
    expect(await project.calls("Glue.StartJobRun")).toBe(1);
    expect(await glueRuns()).toMatchObject([{ state: "SUCCEEDED" }]);
    expect(await project.writers()).toEqual(["old", "next"]);
    expect(await project.ticks()).toMatchObject({ gaps: 0 });
    expect((await next.stop()).code).toBe(0);
  });
});

describe("a newer version (rule 3)", () => {
  test("may expand the schema while an older one writes, which goes on", async () => {
    const old = await project.engine("old");
    await project.audit();
    const standby = await project.engine("standby");
    project.writeTick();
    await project.wrote("old", "run_key", 2);
    await project.rows("ALTER TABLE nocturne.task_instance ADD COLUMN colour text");
    await project.rows("ALTER TABLE nocturne.dag_run ADD COLUMN colour text NOT NULL DEFAULT 'grey'");
    await project.rows("CREATE TABLE nocturne.colour (name text PRIMARY KEY)");
    await project.rows("INSERT INTO nocturne.kysely_migration VALUES ('9999_colour', now()::text)");
    const { count } = await project.ticks();
    await until("three more ticks", async () => (await project.ticks()).count >= count + 3);
    expect(await project.writers()).toContain("old");

    await old.stop("SIGKILL");
    await project.wrote("standby", "run_key", 3);
    expect(await project.ticks()).toMatchObject({ gaps: 0 });
    expect((await standby.stop()).code).toBe(0);
    const late = await project.run("up", "--roles", "engine", "--aws", "local");
    expect(late.code).toBe(1);
    expect(late.stderr).toContain("has migrations that this version does not know: 9999_colour");
  });

  test("that has taken the row ends an older writer and an older standby with a sentence and 1", async () => {
    const writer = await project.engine("writer");
    await project.audit();
    const standby = await project.engine("standby");
    project.writeTick();
    await project.wrote("writer", "run_key", 2);
    await project.rows(NEWER_TAKES);
    const count = (await project.written()).length;
    const sentence = /DATABASE_NEWER {2}the database is written by a newer Nocturne \(protocol 2, this one speaks 1\)/;
    for (const { child } of [writer, standby]) {
      const { code, stderr } = await child.finished;
      expect(stderr).toMatch(sentence);
      expect(code).toBe(1);
    }
    const late = await project.run("up", "--roles", "engine", "--aws", "local");
    expect(late.stderr).toMatch(sentence);
    expect(late.code).toBe(1);
    expect(await project.written()).toHaveLength(count);
  });
});
