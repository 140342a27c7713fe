import { describe, expect, test } from "vitest";
import { expiryOf, globsOf } from "../../engine/cli/commands/tokens-create.ts";
import { readyDocument, readyLine } from "../../engine/cli/up/ready-line.ts";
import { ROLES } from "../../engine/core/roles.ts";
import { runNews } from "../../engine/cli/up/run-news.ts";
import type { RunMark } from "../../engine/store/read-models/run-marks.ts";

const run = (runId: string, state: RunMark["state"], quarantine: string | null = null): RunMark => ({
  runId,
  dagId: "sales",
  dagRunId: `scheduled__${runId}`,
  state,
  startedAt: 0,
  endedAt: state === "success" ? 61_000 : null,
  quarantine,
});

describe("what a running system tells of runs", () => {
  test("is each beginning and end once, also of a run that came and went between two looks", () => {
    const first = runNews(new Map(), [run("1", "queued"), run("2", "success")]);
    expect(first.lines).toEqual(["sales  scheduled__2  ended in success after 1 min 01 s"]);
    const second = runNews(first.known, [run("1", "running")]);
    expect(second.lines).toEqual(["sales  scheduled__1  began"]);
    expect(runNews(second.known, [run("1", "running")]).lines).toEqual([]);
    const last = runNews(second.known, [run("1", "success")]);
    expect([last.lines.length, last.known.size]).toEqual([1, 0]);
  });

  test("is that a run was put aside, once", () => {
    const news = runNews(new Map([["1", "running"]]), [run("1", "running", "a bug")]);
    expect(news.lines).toEqual(["sales  scheduled__1  put aside: a bug"]);
    expect(runNews(news.known, [run("1", "running", "a bug")]).lines).toEqual([]);
  });
});

describe("the ready line", () => {
  const facts = { roles: ROLES, url: "http://127.0.0.1:8080", dags: 2, home: "/h", standsBy: false, time: null };

  test("names the URL, the roles, the DAGs and where mails go", () => {
    expect(readyLine({ ...facts, mail: { kind: "inbox", folder: "/h/inbox" } })).toBe(
      "nocturne is ready at http://127.0.0.1:8080  (engine, api, alert; 2 DAGs; inbox: /h/inbox)",
    );
    expect(readyLine({ ...facts, mail: { kind: "smtp" }, standsBy: true })).toContain("stands by");
  });

  test("of a process with one role says nothing of what the others do", () => {
    const one = { ...facts, url: null, dags: null, mail: null, standsBy: null };
    expect(readyLine({ ...one, roles: ["alert"], mail: { kind: "smtp" } })).toBe("nocturne is ready  (alert)");
    expect(readyLine({ ...one, roles: ["engine"], dags: 1 })).toBe("nocturne is ready  (engine; 1 DAG)");
    expect(readyDocument({ ...one, roles: ["api"], url: facts.url })).toMatchObject({
      url: facts.url,
      roles: ["api"],
      dags: null,
      mail: null,
      stands_by: null,
    });
  });
});

test("a token's life and its DAGs are read strictly", () => {
  expect([expiryOf("90d", 0), expiryOf("never", 0)]).toEqual([90 * 86_400_000, null]);
  for (const text of ["soon", "0s", "-1d", "999999d"]) expect(() => expiryOf(text, 0)).toThrow("--expires");
  expect(globsOf("sales_*, stock")).toEqual(["sales_*", "stock"]);
  for (const text of ["", "a,,b", "a b"]) expect(() => globsOf(text)).toThrow("--dags");
});
