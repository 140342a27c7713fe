import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { CachedReader } from "../../../engine/dagfile/cache/read-cache.ts";
import { readOne, type DagFile, type ReadFile } from "../../../engine/dagfile/read.ts";
import { operators } from "./operators.ts";

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "nocturne-cache-"))));
afterEach(() => rmSync(folder, { recursive: true }));

const DAG = "dag: nightly\ninclude: shared.yaml\ntasks:\n  a: { operator: job.run, with: { job: x, sql: a.sql } }\n";
const PROJECT: Readonly<Record<string, string>> = {
  "a.sql": "SELECT 1",
  "dags/shared.yaml": "owner: sales",
  "dags/overlays/prod.yaml": "nightly: { max_active_runs: 3 }",
};

interface Situation extends Partial<Pick<DagFile, "text" | "environment" | "file">> {
  readonly project?: Readonly<Record<string, string>>;
  readonly program?: string;
  readonly root?: string;
}

/** Reads as a fresh process would, and says whether the file was parsed: only then are its operators looked at. */
function read(situation: Situation = {}): { readonly read: ReadFile; readonly isParsed: boolean } {
  const { project = PROJECT, program = "1", root = "/project", text = DAG, ...rest } = situation;
  let isParsed = false;
  const seen = new Proxy(operators, {
    get(target, key) {
      isParsed = true;
      return Reflect.get(target, key) as unknown;
    },
  });
  const readProjectFile = (path: string) => (project[path] === undefined ? null : Buffer.from(project[path]));
  const given = { file: "dags/x.yaml", text, operators: seen, readProjectFile, environment: "prod", ...rest };
  const found = new CachedReader({ folder, program }).read(given, root);
  expect(found).toEqual(readOne({ ...given, operators }));
  return { read: found, isParsed };
}

const without = (path: string) => Object.fromEntries(Object.entries(PROJECT).filter(([each]) => each !== path));
const entries = () => readdirSync(folder).map((name) => join(folder, name));

describe("a file that was read before", () => {
  it("is not parsed again while everything about it is the same", () => {
    expect(read().isParsed).toBe(true);
    const again = read();
    expect(again.isParsed).toBe(false);
    expect(Buffer.from(again.read.dags[0]?.files[0]?.bytes ?? []).toString()).toBe("SELECT 1");
  });

  it("has the problems that were found then", () => {
    const text = DAG.replace("job: x", "jib: x");
    const first = read({ text });
    const again = read({ text });
    expect(again.isParsed).toBe(false);
    expect(again.read.problems).toEqual(first.read.problems);
    expect(first.read.problems).not.toEqual([]);
  });

  const changes: Readonly<Record<string, Situation>> = {
    "its own text has changed": { text: DAG.replace("nightly", "daily") },
    "a file that it names has changed": { project: { ...PROJECT, "a.sql": "SELECT 2" } },
    "a file that it names is gone": { project: without("a.sql") },
    "its include has changed": { project: { ...PROJECT, "dags/shared.yaml": "owner: finance" } },
    "its environment's overlay has changed": {
      project: { ...PROJECT, "dags/overlays/prod.yaml": "nightly: { max_active_runs: 4 }" },
    },
    "its environment's overlay is gone": { project: without("dags/overlays/prod.yaml") },
    "it is another environment": { environment: "dev" },
    "it is no environment": { environment: null },
    "another build of the program reads it": { program: "2" },
    "it lies in another project": { root: "/other" },
    "another file has its text": { file: "dags/y.yaml" },
  };
  for (const [what, situation] of Object.entries(changes)) {
    it(`is parsed when ${what}`, () => {
      read();
      expect(read(situation).isParsed).toBe(true);
    });
  }

  it("is parsed when a file that was missing is there now", () => {
    const project = without("a.sql");
    expect(read({ project }).read.problems.map(({ code }) => code)).toEqual(["DAG_FILE_MISSING"]);
    expect(read().read.problems).toEqual([]);
  });
});

describe("the entry of a file", () => {
  it("that is damaged anywhere is as if it were not there, and is made anew", () => {
    read();
    const [path = ""] = entries();
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 97) {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] ?? 0) ^ 1;
      writeFileSync(path, damaged);
      expect(read().isParsed).toBe(true);
      expect(read().isParsed).toBe(false);
    }
  });

  it("that was cut short, or is empty, is as if it were not there", () => {
    read();
    const [path = ""] = entries();
    const whole = readFileSync(path);
    for (const length of [0, 1, 40, 100, whole.length - 1]) {
      writeFileSync(path, whole.subarray(0, length));
      expect(read().isParsed).toBe(true);
    }
  });

  it("belongs to whoever wrote it last: versions of the program that take turns each read by their own rules", () => {
    const turns = ["1", "2", "1"].map((program) => read({ program }).isParsed);
    expect(turns).toEqual([true, true, true]);
    expect(read({ program: "1" }).isParsed).toBe(false);
  });

  it("that a killed process left half written beside it is never read", () => {
    read();
    const [path = ""] = entries();
    writeFileSync(`${path}.left`, readFileSync(path).subarray(0, 100));
    expect(read().isParsed).toBe(false);
  });

  it("is replaced by that of a newer read: there is one for a file", () => {
    for (const text of [DAG, DAG.replace("x", "y"), DAG.replace("x", "z")]) read({ text });
    expect(entries()).toHaveLength(1);
  });

  it("goes after a month, when another one is made", () => {
    read();
    const [old = ""] = entries();
    const longAgo = new Date(Date.now() - 31 * 24 * 60 * 60 * 1_000);
    utimesSync(old, longAgo, longAgo);
    read({ file: "dags/y.yaml" });
    expect(entries()).not.toContain(old);
    expect(entries()).toHaveLength(1);
  });

  it("is not made of what JSON would change", () => {
    const text = DAG.replace("tasks:", "params: { shift: { type: number, default: -0 } }\ntasks:");
    expect(read({ text }).read.problems).toEqual([]);
    expect(entries()).toEqual([]);
    expect(read({ text }).isParsed).toBe(true);
  });

  it("is not needed: where none can be written every file is read as ever", () => {
    const file = join(folder, "a-file");
    writeFileSync(file, "");
    const given = { file: "dags/x.yaml", text: DAG, operators, readProjectFile: () => null };
    expect(new CachedReader({ folder: join(file, "cache"), program: "1" }).read(given, "/project")).toEqual(
      readOne(given),
    );
  });
});
