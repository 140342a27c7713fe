import { describe, expect, test } from "vitest";
import { readOne } from "../../../engine/dagfile/read.ts";
import type { KnownFile } from "../../../engine/dagfile/watch/folder-state.ts";
import {
  folderDags,
  goneDags,
  isUnsettled,
  settledChanges,
  takeRead,
  unsureFiles,
} from "../../../engine/dagfile/watch/folder-state.ts";
import { operators } from "./operators.ts";

const dag = (id: string, description = ""): string =>
  `dag: ${id}\ndescription: "${description}"\ntasks:\n  a: { operator: job.run, with: { job: x } }\n`;
const read = (file: string, text: string) => readOne({ file, text, operators, readProjectFile: () => null });
const ids = (file: KnownFile): string[] => file.dags.map(({ spec }) => spec.dagId);
const look = (stamps: Record<string, string>) => new Map(Object.entries(stamps));

describe("a change of a file", () => {
  test("counts when two looks in a row agree, and not while it goes on", () => {
    const taken = look({ a: "1" });
    expect(settledChanges(taken, look({ a: "1" }), look({ a: "2" }))).toEqual([]);
    expect(settledChanges(taken, look({ a: "2" }), look({ a: "3" }))).toEqual([]);
    expect(settledChanges(taken, look({ a: "3" }), look({ a: "3" }))).toEqual(["a"]);
    expect(settledChanges(look({ a: "3" }), look({ a: "3" }), look({ a: "3" }))).toEqual([]);
  });

  test("may be that it came or went, and a file that is away for one look has not gone", () => {
    expect(settledChanges(look({ a: "1" }), look({}), look({}))).toEqual(["a"]);
    expect(settledChanges(look({}), look({ b: "1" }), look({ b: "1" }))).toEqual(["b"]);
    expect(settledChanges(look({ a: "1" }), look({}), look({ a: "1" }))).toEqual([]);
  });

  test("is waited for as long as something differs from what was read", () => {
    expect(isUnsettled(look({ a: "1" }), look({ a: "1" }))).toBe(false);
    for (const now of [look({ a: "2" }), look({}), look({ a: "1", b: "1" })]) {
      expect(isUnsettled(look({ a: "1" }), now)).toBe(true);
    }
  });
});

describe("a broken file", () => {
  const sound = takeRead(undefined, read("dags/a.yaml", `${dag("one")}---\n${dag("two")}`));

  test("keeps the DAGs of its last sound version, beside its problems", () => {
    const broken = takeRead(sound, read("dags/a.yaml", "dag: [\n"));
    expect(ids(broken)).toEqual(["one", "two"]);
    expect(folderDags(new Map([["dags/a.yaml", broken]])).problems).toMatchObject([{ code: "DAG_YAML" }]);
  });

  test("renews the DAGs that are sound and keeps the one that is not", () => {
    const text = `${dag("one", "new")}---\n${dag("two").replace("job.run", "job.rum")}`;
    const half = takeRead(sound, read("dags/a.yaml", text));
    expect(half.dags.map(({ spec }) => [spec.dagId, spec.description])).toEqual([
      ["one", "new"],
      ["two", ""],
    ]);
  });

  test("that was never sound has no DAGs", () => {
    expect(ids(takeRead(undefined, read("dags/a.yaml", "dag: [\n")))).toEqual([]);
  });
});

describe("a DAG is gone", () => {
  const known = [{ dagId: "one", file: "dags/a.yaml" }];
  const gone = (text: string | null) => {
    const files = new Map<string, KnownFile>();
    if (text !== null) files.set("dags/a.yaml", takeRead(undefined, read("dags/a.yaml", text)));
    return goneDags(
      known,
      folderDags(files).dags,
      unsureFiles(look(text === null ? {} : { "dags/a.yaml": "1" }), files),
    );
  };

  test("when its file is, or when its file reads well and names another", () => {
    expect(gone(null)).toEqual(["one"]);
    expect(gone(dag("other"))).toEqual(["one"]);
  });

  test("but not while its file is broken or unread, when it moved to another file, or when the folder cannot be listed", () => {
    expect(gone("dag: [\n")).toEqual([]);
    expect(goneDags(known, [], unsureFiles(look({ "dags/a.yaml": "1" }), new Map()))).toEqual([]);
    const moved = takeRead(undefined, read("dags/b.yaml", dag("one")));
    expect(goneDags(known, moved.dags, new Set())).toEqual([]);
    expect(goneDags(known, [], null)).toEqual([]);
  });
});

test("an id that two files claim stays with the first, and the second one's claim is a problem", () => {
  const files = new Map(
    ["dags/b.yaml", "dags/a.yaml"].map((file) => [file, takeRead(undefined, read(file, dag("one")))]),
  );
  const { dags, problems } = folderDags(files);
  expect(dags.map(({ source }) => source.file)).toEqual(["dags/a.yaml"]);
  expect(problems).toMatchObject([{ code: "DAG_DUPLICATE_ID", at: { file: "dags/b.yaml" } }]);
});
