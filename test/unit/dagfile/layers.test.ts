import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readDagFile, readDagFolder } from "../../../engine/dagfile/read.ts";
import { operators } from "./operators.ts";

const own = `dag: nightly
include: ./shared.yaml
defaults: { retries: 1 }
params: { bucket: { default: own } }
tasks:
  a: { operator: job.run, with: { job: "{{ params.bucket }}", workers: 4 } }
`;
const shared = `owner: data
defaults: { retries: 5, timeout: 1h }
params:
  bucket: { type: string, default: shared }
pools: { w: { slots: 2 } }
`;

function read(files: Record<string, string>, environment: string | null = null, text = own) {
  const readProjectFile = (path: string) => (files[path] === undefined ? null : Buffer.from(files[path]));
  const { dags, problems } = readDagFile({ file: "dags/x.yaml", text, operators, readProjectFile, environment });
  const shown = problems.map(({ code, message, at, didYouMean }) =>
    [`${at.file}:${at.line}:${at.column}`, code, message, ...(didYouMean === undefined ? [] : [didYouMean])].join(" "),
  );
  return { dag: dags[0], shown };
}

describe("an included file", () => {
  it("says what the DAG does not, key by key", () => {
    const { dag, shown } = read({ "dags/shared.yaml": shared });
    expect(shown).toEqual([]);
    expect(dag?.spec).toMatchObject({
      owner: "data",
      params: { bucket: { type: "string", default: "own" } },
      pools: { w: { slots: 2 } },
      tasks: [{ retries: 1, timeoutMs: 3_600_000 }],
    });
  });

  it("counts in the version, unless nothing that counts has changed", () => {
    const hash = (text: string) => read({ "dags/shared.yaml": text }).dag?.versionHash;
    expect(hash(shared.replace("owner: data", "owner:  data # same"))).toBe(hash(shared));
    expect(hash(shared.replace("1h", "2h"))).not.toBe(hash(shared));
  });

  it("has its problems told at its own places", () => {
    const text = `ownr: data\n${shared.replace("1h", "soon").replace("slots: 2", "slots: 0")}`;
    expect(read({ "dags/shared.yaml": text }).shown.sort()).toEqual([
      "dags/shared.yaml:1:1 DAG_UNKNOWN_KEY ownr: no such key owner",
      'dags/shared.yaml:3:34 DAG_INVALID timeout: expected a duration above zero, such as 90s, 5m or 2h, got "soon"',
      "dags/shared.yaml:6:22 DAG_INVALID slots: expected at least 1, got 0",
    ]);
  });

  it.each([
    [undefined, "dags/x.yaml:2:10 DAG_FILE_MISSING ./shared.yaml: no such file in the project"],
    [
      `${shared}tasks: { b: { operator: noop } }\n`,
      "dags/shared.yaml:6:1 DAG_INVALID tasks: it belongs into the DAG's own file",
    ],
    [`${shared}include: ./more.yaml\n`, "dags/shared.yaml:6:1 DAG_INVALID include: it belongs into the DAG's own file"],
    ["- a\n", "dags/shared.yaml:1:1 DAG_YAML expected a map of keys"],
    [`${shared}---\nowner: b\n`, "dags/shared.yaml:7:1 DAG_YAML expected one document, without ---"],
    ["a: *b\n", "dags/shared.yaml:1:4 DAG_YAML *b: no anchor of this name before it"],
  ])("is refused when it is none: %j", (text, expected) => {
    expect(read(text === undefined ? {} : { "dags/shared.yaml": text }).shown).toContain(expected);
  });
});

describe("the overlay of an environment", () => {
  const overlay = (text: string) => ({ "dags/shared.yaml": shared, "dags/overlays/test.yaml": text });

  it("changes the DAG's values, down to one parameter of a task, and takes away with null", () => {
    const text = "nightly: { owner: null, tasks: { a: { with: { workers: 1 } } }, pools: { w: { slots: 1 } } }\n";
    const { dag, shown } = read(overlay(text), "test");
    expect(shown).toEqual([]);
    expect(dag?.spec).toMatchObject({
      pools: { w: { slots: 1 } },
      tasks: [{ with: { job: "{{ params.bucket }}", workers: 1 } }],
    });
    expect(dag?.spec.owner).toBeUndefined();
    expect(dag?.versionHash).not.toBe(read(overlay(text)).dag?.versionHash);
  });

  it("leaves DAGs alone that it does not name, and all of them without an environment", () => {
    const text = "weekly: { owner: nobody }\n";
    expect(read(overlay(text), "test").dag?.spec.owner).toBe("data");
    expect(read(overlay("nightly: { owner: nobody }\n")).dag?.spec.owner).toBe("data");
  });

  it("has its problems told at its own places, also within a template", () => {
    const text = 'nightly:\n  retrys: 1\n  tasks: { a: { with: { job: "x-{{ dss }}" } } }\n  dag: other\n';
    expect(read(overlay(text), "test").shown.sort()).toEqual([
      "dags/overlays/test.yaml:2:3 DAG_UNKNOWN_KEY retrys: no such key",
      "dags/overlays/test.yaml:3:36 DAG_TEMPLATE dss: no such name in templates ds",
      "dags/overlays/test.yaml:4:3 DAG_INVALID dag: it belongs into the DAG's own file",
    ]);
  });

  it("must be there when an environment is named", () => {
    expect(read({ "dags/shared.yaml": shared }, "prod").shown).toEqual([
      "dags/overlays/prod.yaml:1:1 DAG_FILE_MISSING dags/overlays/prod.yaml: this environment (NOCTURNE_ENV) has no overlay",
    ]);
  });
});

describe("a folder with shared files", () => {
  let projectRoot: string;
  beforeEach(async () => {
    projectRoot = await mkdtemp(join(tmpdir(), "layers-"));
    await mkdir(join(projectRoot, "dags/overlays"), { recursive: true });
    await writeFile(join(projectRoot, "dags/a.yaml"), own);
    await writeFile(join(projectRoot, "dags/b.yaml"), own.replace("nightly", "weekly"));
    await writeFile(join(projectRoot, "dags/shared.yaml"), shared);
  });
  afterEach(() => rm(projectRoot, { recursive: true }));
  const readFolder = (environment: string | null = null) =>
    readDagFolder({ folder: join(projectRoot, "dags"), projectRoot, operators, environment });

  it("takes an included file for no DAG, and tells what is wrong with it once", async () => {
    expect(await readFolder()).toMatchObject({ dags: [{ spec: { dagId: "nightly" } }, {}], problems: [] });
    await writeFile(join(projectRoot, "dags/shared.yaml"), shared.replace("slots: 2", "slots: 0"));
    expect((await readFolder()).problems).toMatchObject([{ at: { file: "dags/shared.yaml", line: 5 } }]);
  });

  it("names a DAG that an overlay speaks of and that is not there", async () => {
    await writeFile(join(projectRoot, "dags/overlays/test.yaml"), "nightyl: { owner: x }\n");
    expect((await readFolder("test")).problems).toMatchObject([
      { code: "DAG_NOT_FOUND", message: "nightyl: no such DAG in this folder", didYouMean: "nightly" },
    ]);
  });
});
