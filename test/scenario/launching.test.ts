import { expect } from "vitest";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { scenario } from "./scenario.ts";

const { sendWindowMs, requestLimitMs } = DEFAULT_SETTINGS;
const searchable = sendWindowMs + requestLimitMs + 60_000;

scenario("rule 12: a task is queued with its frozen parameters before anything may be sent", "a", {}, (s) => {
  const [batch] = s.batches;
  expect(batch?.attemptsCreated.map((attempt) => attempt.paramsHash)).toEqual(["p1/-1"]);
  expect(batch?.frozenParams).toEqual([{ hash: "p1/-1", params: {} }]);
  expect(s.owes("a")).toEqual(["submit +0"]);
});

scenario("rule 11: what has started is looked at, and nothing else is owed", "a", {}, (s) => {
  s.starts("a");
  expect(s.owes("a")).toEqual(["observe +0"]);
  s.succeeds("a");
  expect(s.owes("a")).toEqual([]);
});

scenario(
  "rule 16: a doubtful launch without a token waits until it could be found, then is searched for",
  "a",
  {},
  (s) => {
    s.submit("a", { kind: "doubt", message: "connection reset" });
    expect(s.owes("a")).toEqual([`search +${searchable}`]);
    s.expect({ a: "queued" });
  },
);

scenario("rule 16: a search that finds the job adopts it, and no second one is started", "a", {}, (s) => {
  const key = s.attempt("a").launchKey;
  s.submit("a", { kind: "doubt", message: "connection reset" });
  s.later(searchable).event("a", { kind: "searched", tryNumber: 1, refs: ["jr_1"] });
  s.expect({ a: "running" });
  expect(s.attempt("a")).toMatchObject({ ref: "jr_1", launchKey: key, tryNumber: 1, everInDoubt: true });
});

scenario("rule 16: a search that finds nothing sends the same bytes under the same key", "a", {}, (s) => {
  const before = s.attempt("a");
  s.submit("a", { kind: "doubt", message: "connection reset" });
  s.later(searchable).event("a", { kind: "searched", tryNumber: 1, refs: [] });
  expect(s.owes("a")).toEqual(["submit +0"]);
  expect(s.attempt("a")).toMatchObject({ launchKey: before.launchKey, paramsHash: before.paramsHash, tryNumber: 1 });
  expect(s.attempt("a").sendBy).toBe(s.now + sendWindowMs);
});

scenario("rule 16: a token makes it safe to send again at once", "a", { a: { operator: "token" } }, (s) => {
  s.submit("a", { kind: "doubt", message: "503" }).later(0);
  expect(s.owes("a")).toEqual(["submit +0"]);
});

scenario("rule 16: a token past half its life is not trusted", "a", { a: { operator: "token" } }, (s) => {
  s.later(1_800_000).submit("a", { kind: "doubt", message: "503" }).later(0).expect({ a: "failed" });
  expect(s.attempt("a").failure?.code).toBe("LAUNCH_UNKNOWN");
});

scenario(
  "rule 16: at_least_once in doubt fails with LAUNCH_UNKNOWN",
  "a",
  { a: { operator: "once", retries: 3 } },
  (s) => {
    s.submit("a", { kind: "doubt", message: "reset" }).expect({ a: "failed" });
    expect(s.attempt("a").failure?.code).toBe("LAUNCH_UNKNOWN");
  },
);

scenario(
  "rule 16: at_least_once with on_doubt resend is sent again",
  "a",
  { a: { operator: "once", onDoubt: "resend" } },
  (s) => {
    s.submit("a", { kind: "doubt", message: "reset" }).expect({ a: "queued" });
    expect(s.owes("a")).toEqual(["submit +0"]);
  },
);

scenario("rule 17: of several jobs of one key the oldest is kept and the others are cancelled", "a", {}, (s) => {
  s.submit("a", { kind: "doubt", message: "reset" }).event("a", {
    kind: "searched",
    tryNumber: 1,
    refs: ["jr_1", "jr_2"],
  });
  expect(s.attempt("a")).toMatchObject({ ref: "jr_1", duplicates: [{ ref: "jr_2", isCancelled: false }] });
  expect(s.owes("a")).toContain("cancel_duplicate +0");
  expect(s.batches.at(-1)?.history.some((entry) => entry.why.startsWith("DUPLICATE_LAUNCH"))).toBe(true);
  s.event("a", { kind: "duplicate_cancelled", tryNumber: 1, ref: "jr_2" });
  expect(s.owes("a")).not.toContain("cancel_duplicate +0");
});

scenario("rule 17: an attempt that was in doubt is searched again 16 minutes after send_by", "a", {}, (s) => {
  const { sendBy } = s.attempt("a");
  s.submit("a", { kind: "doubt", message: "reset" }).event("a", { kind: "searched", tryNumber: 1, refs: ["jr_1"] });
  expect(s.owes("a")).toContain(`search +${sendBy + 16 * 60_000 - s.now}`);
});

scenario(
  "rule 11: after a takeover a launch of unknown fate is in doubt, one with a job is looked at",
  "a; b",
  {},
  (s) => {
    s.starts("b").takeover();
    expect(s.owes("a")).toEqual([`search +${searchable}`]);
    expect(s.owes("b")).toEqual(["observe +0"]);
  },
);

const died = { class: "permanent", code: "INTERRUPTED", message: "its process ended" } as const;

scenario(
  "rule 19: what a dead process was launching is submitted again as a repeat, and what may not be repeated is refused",
  "a",
  { a: { operator: "local", retries: 3 } },
  (s) => {
    s.takeover().expect({ a: "queued" });
    expect(s.owes("a")).toEqual(["submit +0"]);
    expect(s.attempt("a").everInDoubt).toBe(true);
    s.submit("a", { kind: "refused", failure: died }).expect({ a: "failed" });
    expect(s.attempt("a").failure?.code).toBe("INTERRUPTED");
  },
);

scenario(
  "rule 19: idempotent work that died with its process goes on under the same key, and costs no try",
  "a",
  { a: { operator: "local" } },
  (s) => {
    const { launchKey } = s.starts("a", { boot: "one" }).attempt("a");
    s.takeover().observe("a", { kind: "failed", failure: { ...died, class: "retryable" } });
    s.expect({ a: "queued" });
    expect(s.owes("a")).toEqual(["submit +0"]);
    s.starts("a", { boot: "two" }).expect({ a: "running" });
    expect(s.attempt("a")).toMatchObject({ launchKey, tryNumber: 1, everInDoubt: true, ref: { boot: "two" } });
    s.succeeds("a").expect({ run: "success" });
  },
);

scenario(
  "rule 19: other work that died with its process has failed, whatever its retries",
  "a",
  { a: { operator: "local", retries: 3 } },
  (s) => {
    s.starts("a").takeover().observe("a", { kind: "failed", failure: died }).expect({ a: "failed" });
    expect(s.attempt("a")).toMatchObject({ tryNumber: 1, failure: { code: "INTERRUPTED" } });
  },
);

scenario(
  "rule 23: work that was being cancelled when its process died is not begun again",
  "a",
  { a: { operator: "local" } },
  (s) => {
    s.starts("a").cancelRun().takeover();
    s.observe("a", { kind: "failed", failure: { ...died, class: "retryable" } }).expect({ a: "failed", run: "failed" });
    expect(s.attempt("a").failure?.code).toBe("CANCELLED");
  },
);

scenario("rule 8: an answer that arrives after a takeover still counts", "a", {}, (s) => {
  s.takeover().starts("a", "jr_late").expect({ a: "running" });
  expect(s.attempt("a").ref).toBe("jr_late");
});

scenario("throttling pushes a launch back and costs no attempt", "a", { a: { retries: 0 } }, (s) => {
  s.submit("a", { kind: "throttled", message: "slow down" }).expect({ a: "queued" });
  const [submit] = s.owes("a");
  expect(submit).toMatch(/^submit \+[1-9]/);
  expect(s.attempt("a").tryNumber).toBe(1);
  s.later(60_000).starts("a").succeeds("a").expect({ run: "success" });
});

scenario("rule 15: a request that was not sent in time gets a new send_by", "a", {}, (s) => {
  s.later(sendWindowMs + 1).event("a", { kind: "not_sent", tryNumber: 1 });
  expect(s.attempt("a").sendBy).toBe(s.now + sendWindowMs);
  expect(s.owes("a")).toEqual(["submit +0"]);
});

scenario("an answer for an older attempt changes nothing", "a", { a: { retries: 1 } }, (s) => {
  s.fails("a", "retryable").later(10_000).expect({ a: "queued" });
  s.event("a", { kind: "submitted", tryNumber: 1, result: { kind: "started", ref: "old" } });
  expect(s.attempt("a")).toMatchObject({ tryNumber: 2, ref: null });
});
