import { describe, expect, it } from "vitest";
import { NOW, mistakesOf, publication, serviceOfThisFile } from "./service.ts";

const service = serviceOfThisFile([
  publication("nightly"),
  publication("other"),
  publication("asked", { schedule: null }),
  publication("paused", { paused: true }),
  publication("gone"),
]);

const rows = async (text: string, values: unknown[] = []) =>
  (await service.store.pool.query(text, values)).rows as unknown[];
const commands = () => rows("SELECT body FROM command WHERE state = 'pending' ORDER BY id");

describe("rule 31: a trigger", () => {
  it("is answered with 200 and the run in Airflow's fields, and the writer has its command", async () => {
    const { status, body } = await service.trigger("nightly", {
      dag_run_id: "manual__one",
      logical_date: null,
      conf: { max_rejected: 0.2 },
      note: "by hand",
    });
    expect(status).toBe(200);
    expect(body).toMatchObject({
      dag_run_id: "manual__one",
      dag_id: "nightly",
      logical_date: null,
      run_type: "manual",
      state: "queued",
      triggered_by: "rest_api",
      conf: { max_rejected: 0.2 },
      note: "by hand",
      run_after: new Date(NOW).toISOString(),
    });
    const [run] = await rows("SELECT run_id, triggered_by FROM dag_run WHERE dag_run_id = 'manual__one'");
    const { run_id: runId, triggered_by: by } = run as { run_id: string; triggered_by: string };
    expect(by).toMatch(/^rest_api:tok_/);
    expect(await commands()).toContainEqual({ body: { kind: "adopt_run", runId, by } });
    expect(await rows("SELECT logical_at FROM run_key WHERE run_id = $1", [runId])).toEqual([{ logical_at: null }]);
  });

  it("is woken up for: who listens hears of it", async () => {
    const listener = await service.store.pool.connect();
    try {
      await listener.query("LISTEN nocturne_nocturne");
      const heard = new Promise((resolve) => listener.once("notification", resolve));
      await service.trigger("nightly", {});
      await heard;
    } finally {
      listener.release(true);
    }
  });

  it("is accepted for a DAG that is paused: its run waits", async () => {
    expect(await service.trigger("paused", {})).toMatchObject({ status: 200, body: { state: "queued" } });
  });

  it("is 404 for a DAG that is not there, or whose file is gone", async () => {
    await service.store.pool.query("UPDATE dag SET is_stale = true WHERE dag_id = 'gone'");
    for (const dagId of ["nothing", "gone", "a%20b"]) {
      expect(await service.trigger(dagId, {})).toMatchObject({ status: 404, body: { code: "DAG_NOT_FOUND" } });
    }
  });

  it("gets an id of its own, also when several come in one millisecond", async () => {
    const answers = await Promise.all(Array.from({ length: 12 }, () => service.trigger("other", {})));
    expect(answers.map(({ status }) => status)).toEqual(Array(12).fill(200));
    const ids = answers.map(({ body }) => body.dag_run_id);
    expect(new Set(ids).size).toBe(12);
    expect(ids).toContain("manual__2026-03-10T12:00:00+00:00");
    for (const id of ids) expect(id).toMatch(/^manual__2026-03-10T12:00:00\+00:00(_[0-9a-f]{8})?$/);
  });

  it("is 429 while ten thousand wishes wait", async () => {
    await service.store.pool.query("INSERT INTO command (body) SELECT '{}' FROM generate_series(1, 10000)");
    try {
      const { status, body, headers } = await service.trigger("nightly", { dag_run_id: "too_many" });
      expect({ status, code: body.code }).toEqual({ status: 429, code: "TOO_MANY_REQUESTS" });
      expect(Number(headers.get("retry-after"))).toBeGreaterThan(0);
      expect(await rows("SELECT FROM run_key WHERE dag_run_id = 'too_many'")).toEqual([]);
    } finally {
      await service.store.pool.query("DELETE FROM command WHERE body = '{}'");
    }
  });
});

describe("a run that is there already", () => {
  it("is 409 by its id, and by its logical date however that is written", async () => {
    const first = await service.trigger("nightly", { dag_run_id: "twice", logical_date: "2026-01-05T07:00:00Z" });
    expect(first.status).toBe(200);
    const again = await service.trigger("nightly", { dag_run_id: "twice" });
    expect(again).toMatchObject({ status: 409, body: { code: "RUN_EXISTS" } });
    const sameDate = await service.trigger("nightly", { logical_date: "2026-01-05T02:00:00.000000-05:00" });
    expect(sameDate).toMatchObject({ status: 409, body: { code: "RUN_EXISTS" } });
    expect(sameDate.body["detail"]).toContain("twice");
    expect((await service.trigger("other", { dag_run_id: "twice" })).status).toBe(200);
  });

  it("is made by one of twenty requests at once that name it", async () => {
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.trigger("nightly", { dag_run_id: "race" })),
    );
    expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(19).fill(409)]);
  });
});

describe("Idempotency-Key", () => {
  const key = (text: string) => ({ "idempotency-key": text });

  it("twenty requests at once with one key make one run and get it, each of them", async () => {
    const body = { conf: { region: "eu" } };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => service.trigger("nightly", body, key("twenty-at-once"))),
    );
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(new Set(answers.map((answer) => answer.body.dag_run_id)).size).toBe(1);
    const made = await rows("SELECT run_id FROM request_key WHERE idempotency_key = 'twenty-at-once'");
    expect(made).toHaveLength(1);
    const { run_id: runId } = made[0] as { run_id: string };
    expect(await rows("SELECT FROM command WHERE body ->> 'runId' = $1", [runId])).toHaveLength(1);
  });

  it("the same key and the same meaning, later and in other words, is the same run", async () => {
    const first = await service.trigger("nightly", { logical_date: "2026-01-06T07:00:00Z", conf: {} }, key("words"));
    const second = await service.trigger(
      "nightly",
      { note: null, logical_date: "2026-01-06T02:00:00-05:00" },
      key("words"),
    );
    expect(second).toMatchObject({ status: 200, body: { dag_run_id: first.body.dag_run_id } });
  });

  it("the same key with another body or for another DAG is 422", async () => {
    await service.trigger("nightly", { note: "a" }, key("mine"));
    for (const [dagId, note] of [
      ["nightly", "b"],
      ["other", "a"],
    ] as const) {
      const answer = await service.trigger(dagId, { note }, key("mine"));
      expect(answer).toMatchObject({ status: 422, body: { code: "IDEMPOTENCY_MISMATCH" } });
    }
  });

  it("a refused request does not use its key up", async () => {
    await service.trigger("nightly", { dag_run_id: "taken" });
    expect((await service.trigger("nightly", { dag_run_id: "taken" }, key("free"))).status).toBe(409);
    expect((await service.trigger("nightly", { conf: { days: 1.5 } }, key("free"))).status).toBe(422);
    expect((await service.trigger("nightly", { dag_run_id: "not_taken" }, key("free"))).status).toBe(200);
  });

  it("a key is forgotten after seven days", async () => {
    await service.trigger("nightly", { note: "old" }, key("old"));
    await service.store.pool.query(
      "UPDATE request_key SET created_at = created_at - interval '8 days' WHERE idempotency_key = 'old'",
    );
    expect((await service.trigger("nightly", { note: "new" }, key("old"))).status).toBe(200);
  });

  it("is 1 to 255 visible ASCII characters", async () => {
    for (const text of ["", "a b", "x".repeat(256)]) {
      const answer = await service.trigger("nightly", {}, key(text));
      expect(answer.status).toBe(422);
      expect(mistakesOf(answer)).toMatchObject([{ loc: ["header", "idempotency-key"] }]);
    }
    expect((await service.trigger("nightly", {}, key("x".repeat(255)))).status).toBe(200);
  });
});

describe("rule 32: the interval of a run", () => {
  const interval = async (dagId: string, body: object) => {
    const answer = await service.trigger(dagId, body);
    expect(answer.status).toBe(200);
    return [
      answer.body["logical_date"],
      answer.body["data_interval_start"],
      answer.body["data_interval_end"],
    ] as unknown;
  };

  it("without a logical date is the last complete one before run_after, in the DAG's zone across its change of clocks", async () => {
    expect(await interval("nightly", {})).toEqual([null, "2026-03-09T06:00:00.000Z", "2026-03-10T06:00:00.000Z"]);
    expect(await interval("nightly", { run_after: "2026-03-08T12:00:00Z" })).toEqual([
      null,
      "2026-03-07T07:00:00.000Z",
      "2026-03-08T07:00:00.000Z",
    ]);
  });

  it("of a logical date that is a tick is that tick's own, whatever zone it is written in", async () => {
    expect(await interval("nightly", { logical_date: "2026-03-09T11:30:00+05:30" })).toEqual([
      "2026-03-09T06:00:00.000Z",
      "2026-03-09T06:00:00.000Z",
      "2026-03-10T06:00:00.000Z",
    ]);
  });

  it("of any other logical date is the last that was complete then", async () => {
    expect(await interval("nightly", { logical_date: "2026-02-10T12:00:00Z" })).toEqual([
      "2026-02-10T12:00:00.000Z",
      "2026-02-09T07:00:00.000Z",
      "2026-02-10T07:00:00.000Z",
    ]);
  });

  it("is what the request says when it says both ends", async () => {
    const [start, end] = ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z"];
    expect(await interval("nightly", { data_interval_start: start, data_interval_end: end })).toEqual([
      null,
      start,
      end,
    ]);
  });

  it("of a DAG without a schedule is the moment itself", async () => {
    const at = new Date(NOW).toISOString();
    expect(await interval("asked", {})).toEqual([null, at, at]);
  });
});

describe("a body that will not do", () => {
  const mistakes = async (body: unknown) => {
    const answer = await service.trigger("nightly", body);
    expect(answer.status).toBe(422);
    return mistakesOf(answer).map(({ loc, type }) => [loc.join("."), type]);
  };

  it("is told by field: unknown keys, wrong types, half an interval, times without a zone", async () => {
    expect(await mistakes({ dagrun_id: "x", Conf: {} })).toEqual([
      ["body.dagrun_id", "extra_forbidden"],
      ["body.Conf", "extra_forbidden"],
    ]);
    expect(await mistakes({ dag_run_id: 5, note: "n".repeat(1_001) })).toEqual([
      ["body.dag_run_id", "string_type"],
      ["body.note", "string_too_long"],
    ]);
    expect(await mistakes({ data_interval_start: "2026-01-01T00:00:00Z" })).toEqual([
      ["body.data_interval_end", "value_error"],
    ]);
    for (const at of ["2026-01-01", "2026-01-01T00:00:00", "2026-02-30T00:00:00Z", "tomorrow"]) {
      expect(await mistakes({ logical_date: at })).toEqual([["body.logical_date", "datetime_parsing"]]);
    }
    expect(await mistakes({ logical_date: "0001-01-01T00:00:00Z" })).toEqual([["body.logical_date", "value_error"]]);
    expect(await mistakes({ partition_key: "2026" })).toEqual([["body.partition_key", "null_type"]]);
    for (const body of [[], "text", 1]) expect(await mistakes(JSON.stringify(body))).toEqual([["body", "object_type"]]);
  });

  it("does not take an id that the scheduler or a backfill would make", async () => {
    for (const id of ["scheduled__2026-03-10T06:00:00+00:00", "backfill__2026-03-10T06:00:00+00:00"]) {
      expect(await mistakes({ dag_run_id: id })).toEqual([["body.dag_run_id", "value_error"]]);
    }
  });

  it("has a run id of Airflow's letters and at most 250 of them", async () => {
    for (const id of ["", "a b", "a/b", "é", "../etc"]) {
      expect(await mistakes({ dag_run_id: id })).toEqual([["body.dag_run_id", "string_pattern_mismatch"]]);
    }
    expect(await mistakes({ dag_run_id: "x".repeat(251) })).toEqual([["body.dag_run_id", "string_too_long"]]);
    const long = "x".repeat(250);
    expect((await service.trigger("nightly", { dag_run_id: long })).status).toBe(200);
    expect((await service.call("GET", `/api/v2/dags/nightly/dagRuns/${long}`)).status).toBe(200);
  });

  it("has a conf that breaks the DAG's params: each is named", async () => {
    const answer = await service.trigger("nightly", {
      conf: { max_rejectd: 0.1, max_rejected: 2, region: "mars", days: 1.5 },
    });
    expect(answer.status).toBe(422);
    expect(mistakesOf(answer)).toEqual([
      {
        loc: ["body", "conf", "max_rejectd"],
        msg: "the DAG has no param max_rejectd; did you mean max_rejected?",
        type: "extra_forbidden",
      },
      { loc: ["body", "conf", "max_rejected"], msg: "expected at most 1, got 2", type: "value_error" },
      { loc: ["body", "conf", "region"], msg: 'expected one of "eu", "us", got "mars"', type: "value_error" },
      { loc: ["body", "conf", "days"], msg: "expected integer, got 1.5", type: "value_error" },
    ]);
    for (const name of ["constructor", "toString"]) {
      expect((await service.trigger("nightly", { conf: { [name]: 1 } })).status).toBe(422);
    }
  });

  it("is no JSON (400), not said to be JSON (415), too large (413) or nested without end (400)", async () => {
    const refused = async (body: string, type = "application/json") => {
      const answer = await service.call("POST", "/api/v2/dags/nightly/dagRuns", {
        body,
        headers: { "content-type": type },
      });
      expect(answer.body).toMatchObject({ detail: expect.any(String) as string, code: "REQUEST_INVALID" });
      return answer.status;
    };
    expect(await refused("{conf:")).toBe(400);
    expect(await refused('{"__proto__": {"conf": {}}}')).toBe(400);
    expect(await refused("{}", "text/plain")).toBe(415);
    expect(await refused("conf=1", "application/x-www-form-urlencoded")).toBe(415);
    expect(await refused(JSON.stringify({ note: "x".repeat(300_000) }))).toBe(413);
    const deep = `{"conf": {"region": ${"[".repeat(60_000)}${"]".repeat(60_000)}}}`;
    expect(await refused(deep)).toBe(400);
  });
});
