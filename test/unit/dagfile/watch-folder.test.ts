import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { FolderNews, WatchedFolder } from "../../../engine/dagfile/watch/watch-folder.ts";
import { watchDagFolder } from "../../../engine/dagfile/watch/watch-folder.ts";
import { operators } from "./operators.ts";

let projectRoot: string;
let watched: WatchedFolder | null = null;
let told: FolderNews[] = [];
let next: (news: FolderNews) => void = () => undefined;

beforeEach(() => {
  projectRoot = mkdtempSync(join(tmpdir(), "nocturne-watch-"));
  told = [];
});
afterEach(() => {
  watched?.close();
  rmSync(projectRoot, { recursive: true, force: true });
});

const write = (path: string, text: string): void => writeFileSync(join(projectRoot, path), text);
const dag = (id: string, more = ""): string =>
  `dag: ${id}\ntasks:\n  a: { operator: job.run, with: { job: x${more} } }\n`;

async function open(known: readonly { dagId: string; file: string }[] = []): Promise<FolderNews> {
  watched = await watchDagFolder({
    folder: join(projectRoot, "dags"),
    projectRoot,
    operators,
    known,
    onNews: (news) => {
      told.push(news);
      next(news);
    },
    onError: (error) => {
      throw error;
    },
  });
  return watched.first;
}

/** The next news, after `change`. */
function newsAfter(change: () => void): Promise<FolderNews> {
  const news = new Promise<FolderNews>((resolve) => (next = resolve));
  change();
  return news;
}

const ids = ({ dags }: FolderNews): string[] => dags.map(({ spec }) => spec.dagId);

describe("a folder of DAGs that is watched", () => {
  test("tells of a new, a changed and a removed file", async () => {
    mkdirSync(join(projectRoot, "dags"));
    write("dags/a.yaml", dag("one"));
    const first = await open();
    expect([ids(first), first.gone]).toEqual([["one"], []]);
    expect(ids(await newsAfter(() => write("dags/b.yaml", dag("two"))))).toEqual(["one", "two"]);
    const changed = await newsAfter(() => write("dags/a.yaml", dag("one").replace("x", "y")));
    expect(changed.dags[0]?.spec.tasks[0]?.with).toEqual({ job: "y" });
    const removed = await newsAfter(() => rmSync(join(projectRoot, "dags/b.yaml")));
    expect([ids(removed), removed.gone]).toEqual([["one"], ["two"]]);
  });

  test("tells again what could not be taken", async () => {
    mkdirSync(join(projectRoot, "dags"));
    const errors: unknown[] = [];
    const taken = new Promise<FolderNews>((resolve) => {
      const onNews = (news: FolderNews): void => {
        if (errors.length === 0) throw new Error("not yet");
        resolve(news);
      };
      const options = { folder: join(projectRoot, "dags"), projectRoot, operators, known: [], onNews };
      void watchDagFolder({ ...options, onError: (error) => void errors.push(error) }).then((folder) => {
        watched = folder;
        write("dags/a.yaml", dag("one"));
      });
    });
    expect(ids(await taken)).toEqual(["one"]);
    expect(errors).toEqual([new Error("not yet")]);
  });

  test("tells of a file that a DAG names, when it changes, goes and comes back", async () => {
    mkdirSync(join(projectRoot, "dags"));
    mkdirSync(join(projectRoot, "sql"));
    write("sql/a.sql", "SELECT 1");
    write("dags/a.yaml", dag("one", ", sql: sql/a.sql"));
    const first = await open();
    const changed = await newsAfter(() => write("sql/a.sql", "SELECT 2"));
    expect(changed.dags[0]?.versionHash).not.toBe(first.dags[0]?.versionHash);
    const lost = await newsAfter(() => rmSync(join(projectRoot, "sql/a.sql")));
    expect(lost).toMatchObject({ gone: [], problems: [{ code: "DAG_FILE_MISSING" }] });
    expect(lost.dags[0]?.versionHash).toBe(changed.dags[0]?.versionHash);
    const back = await newsAfter(() => write("sql/a.sql", "SELECT 1"));
    expect(back.problems).toEqual([]);
    expect(back.dags[0]?.versionHash).toBe(first.dags[0]?.versionHash);
  });

  test("keeps the last good version of a broken file, tells its problem once, and takes up the mended one", async () => {
    mkdirSync(join(projectRoot, "dags"));
    write("dags/a.yaml", dag("one"));
    await open();
    const broken = await newsAfter(() => write("dags/a.yaml", "dag: one\ntasks: [\n"));
    expect([ids(broken), broken.gone, broken.problems[0]?.code]).toEqual([["one"], [], "DAG_YAML"]);
    const mended = await newsAfter(() => write("dags/a.yaml", dag("one").replace("x", "y")));
    expect(mended.problems).toEqual([]);
    expect(mended.dags[0]?.spec.tasks[0]?.with).toEqual({ job: "y" });
    expect(told).toHaveLength(2);
  });

  test("does not tell of a file that is half-written or away for a moment", async () => {
    mkdirSync(join(projectRoot, "dags"));
    write("dags/a.yaml", dag("one"));
    await open();
    const news = await newsAfter(() => {
      write("dags/a.yaml", dag("one").slice(0, 20));
      renameSync(join(projectRoot, "dags/a.yaml"), join(projectRoot, "dags/a.yaml~"));
      write("dags/a.yaml", dag("one").replace("x", "y"));
    });
    expect(news).toMatchObject({ problems: [], gone: [] });
    expect(told).toHaveLength(1);
  });

  test("knows at the first look which DAGs of before are gone, and which are only broken", async () => {
    mkdirSync(join(projectRoot, "dags"));
    write("dags/a.yaml", "dag: [\n");
    const file = (name: string) => ({ dagId: name, file: `dags/${name}.yaml` });
    const first = await open([file("a"), file("b")]);
    expect(first).toMatchObject({ dags: [], gone: ["b"], problems: [{ code: "DAG_YAML" }] });
  });

  test("may not be there yet: nothing is gone, and what comes is read", async () => {
    const first = await open([{ dagId: "one", file: "dags/a.yaml" }]);
    expect(first).toMatchObject({ isThere: false, dags: [], gone: [], problems: [] });
    const there = await newsAfter(() => {
      mkdirSync(join(projectRoot, "dags"));
      write("dags/a.yaml", dag("one"));
    });
    const read = there.dags.length === 1 ? there : await newsAfter(() => undefined);
    expect(ids(read)).toEqual(["one"]);
    expect(told.map(({ isThere, gone }) => [isThere, gone])).toEqual(told.map(() => [true, []]));
  });
});
