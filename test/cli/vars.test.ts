import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { valueOf } from "../../engine/cli/commands/vars.ts";

const program = fileURLToPath(new URL("../../bin/nocturne.js", import.meta.url));
let cwd: string;

beforeAll(async () => {
  cwd = await mkdtemp(join(tmpdir(), "nocturne-vars-"));
  await mkdir(join(cwd, "dags"));
});
afterAll(() => rm(cwd, { recursive: true, force: true }));

async function nocturne(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const own = Object.entries(process.env).filter(([name]) => !/^(NOCTURNE_|AWS_|DATABASE_URL$)/.test(name));
  const env = { ...Object.fromEntries(own), NO_COLOR: "1", AWS_EC2_METADATA_DISABLED: "true" };
  const ended = promisify(execFile)(process.execPath, [program, ...args], { cwd, env });
  return ended.then(
    ({ stdout: out, stderr: err }) => ({ code: 0, out, err }),
    ({ code, stdout: out, stderr: err }: { code: number; stdout: string; stderr: string }) => ({ code, out, err }),
  );
}

describe("a value on the command line", () => {
  test("is JSON where it is JSON, else a text; a number that would change stays one", () => {
    expect(['["eu"]', '{"a": 1}', "7", "true", '"7"'].map(valueOf)).toEqual([["eu"], { a: 1 }, 7, true, "7"]);
    for (const text of ["mart", "1.10", "007", "12345678901234567890", "1e999", "{a}", ""])
      expect(valueOf(text)).toBe(text);
  });
});

describe("nocturne vars", () => {
  test("without a running system sets, shows, lists and takes away", async () => {
    expect(await nocturne("vars", "list")).toMatchObject({
      code: 0,
      out: "There are no variables; `nocturne vars set` makes one.\n",
    });
    const made = await nocturne("vars", "set", "regions", '["eu", "us"]', "--description", "where we sell");
    expect(made).toMatchObject({ code: 0, out: 'regions is new: ["eu","us"]\n' });
    expect((await nocturne("vars", "set", "schema", "mart")).out).toBe("schema is new: mart\n");
    expect((await nocturne("vars", "set", "schema", "marts")).out).toBe("schema is now marts\n");
    expect((await nocturne("vars", "get", "schema")).out).toBe("marts\n");
    expect(JSON.parse((await nocturne("vars", "list", "--json")).out)).toMatchObject({
      variables: [
        { key: "regions", value: ["eu", "us"], description: "where we sell" },
        { key: "schema", value: "marts", description: null },
      ],
    });
    expect((await nocturne("vars", "delete", "schema")).out).toBe("schema is gone.\n");
    expect((await nocturne("vars", "list")).out).toMatch(/^NAME .*\nregions {2}\["eu","us"\] .* where we sell\n$/);
    expect(await nocturne("vars", "get", "schema")).toMatchObject({
      code: 3,
      err: expect.stringContaining("VARIABLE_NOT_FOUND  there is no variable schema") as string,
    });
    expect((await nocturne("vars", "delete", "region")).err).toContain("did you mean regions?");
  });

  test("refuses what no template could read", async () => {
    expect(await nocturne("vars", "set", "a-b", "1")).toMatchObject({
      code: 2,
      err: expect.stringContaining("a name is letters, digits and _") as string,
    });
    expect(await nocturne("vars", "set", "a", "null")).toMatchObject({
      code: 2,
      err: expect.stringContaining("nocturne vars delete a") as string,
    });
  });

  test("are read by a DAG that is tried out", async () => {
    await writeFile(
      join(cwd, "dags/one.yaml"),
      `dag: one\nschedule: "0 2 * * *"\ntasks:\n  work: { operator: noop, when: "{{ vars.is_on }}" }\n`,
    );
    expect(await nocturne("dags", "test", "one", "--date", "2026-01-31")).toMatchObject({
      code: 1,
      out: expect.stringContaining("vars.is_on") as string,
    });
    await nocturne("vars", "set", "is_on", "true");
    expect(await nocturne("dags", "test", "one", "--date", "2026-01-31")).toMatchObject({ code: 0 });
  });
});
