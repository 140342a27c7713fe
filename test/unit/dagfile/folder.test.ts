import { mkdtemp, mkdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readDagFiles, readDagFolder } from "../../../engine/dagfile/read.ts";
import { operators } from "./operators.ts";

let outside: string;
let projectRoot: string;
beforeEach(async () => {
  outside = await mkdtemp(join(tmpdir(), "nocturne-dags-"));
  projectRoot = join(outside, "project");
  await mkdir(join(projectRoot, "dags"), { recursive: true });
});
afterEach(() => rm(outside, { recursive: true }));

const write = (path: string, text: string) => writeFile(join(projectRoot, path), text);
const dag = (id: string, sql?: string) =>
  `dag: ${id}\ntasks:\n  a: { operator: job.run, with: { job: x${sql === undefined ? "" : `, sql: ${sql}`} } }\n`;
const read = () => readDagFolder({ folder: join(projectRoot, "dags"), projectRoot, operators });

describe("a folder of DAGs", () => {
  it("is every .yaml and .yml file in it, with the files they name", async () => {
    await write("a.sql", "SELECT 1");
    await write("dags/b.yml", dag("second"));
    await write("dags/a.yaml", dag("first", "a.sql"));
    await write("dags/notes.txt", "not a DAG");
    const { dags, problems } = await read();
    expect(problems).toEqual([]);
    expect(dags.map(({ spec, source }) => [spec.dagId, source.file])).toEqual([
      ["first", "dags/a.yaml"],
      ["second", "dags/b.yml"],
    ]);
    expect(Buffer.from(dags[0]?.files[0]?.bytes ?? []).toString()).toBe("SELECT 1");
  });

  it("keeps its good DAGs beside a broken file, and names an id that is taken in another file", async () => {
    await write("dags/a.yaml", dag("first"));
    await write("dags/b.yaml", dag("first"));
    await write("dags/c.yaml", "dag: [\n");
    const { dags, problems } = await read();
    expect(dags.map(({ spec }) => spec.dagId)).toEqual(["first"]);
    expect(problems.map(({ code, at }) => [code, at.file, at.line])).toEqual([
      ["DAG_YAML", "dags/c.yaml", 2],
      ["DAG_DUPLICATE_ID", "dags/b.yaml", 1],
    ]);
  });

  it("reads no file outside the project, neither by .. nor by link", async () => {
    await writeFile(join(outside, "secret.sql"), "SECRET");
    await symlink(join(outside, "secret.sql"), join(projectRoot, "link.sql"));
    for (const path of ["../secret.sql", "link.sql", join(outside, "secret.sql"), "dags"]) {
      await write("dags/a.yaml", dag("first", path));
      expect((await read()).problems, path).toMatchObject([{ code: "DAG_FILE_MISSING" }]);
    }
  });

  it("that is not there is a problem, and so is a file", async () => {
    const folder = join(projectRoot, "nope");
    const missing = { code: "DAG_FILE_MISSING", at: { file: "nope" } };
    expect((await readDagFolder({ folder, projectRoot, operators })).problems).toMatchObject([missing]);
    expect((await readDagFiles({ files: [folder], projectRoot, operators })).problems).toMatchObject([missing]);
  });
});
