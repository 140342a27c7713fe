import { expect } from "vitest";
import type { Json } from "../../engine/core/json.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { scenario, type Scenario } from "./scenario.ts";

const { sendWindowMs, requestLimitMs, searchAgainMs } = DEFAULT_SETTINGS;
const searchable = sendWindowMs + requestLimitMs + 60_000;
const lost = { kind: "doubt", message: "reset" } as const;

const finds = (s: Scenario, ...refs: readonly Json[]): Scenario =>
  s.event("a", { kind: "searched", tryNumber: 1, refs: [...refs] });

const told = (s: Scenario): string[] =>
  s.flushed("history").flatMap(({ why }) => (why.startsWith("DUPLICATE_LAUNCH") ? [why] : []));

/** Cancelled while nobody knows whether its request arrived; the search that decides finds nothing. */
const endsInDoubt = (s: Scenario): Scenario => finds(s.submit("a", lost).cancelRun().later(searchable));

scenario(
  "rule 17: an attempt in doubt that ended without a job is searched again 16 minutes after send_by",
  "a",
  {},
  (s) => {
    const { sendBy } = s.attempt("a");
    endsInDoubt(s).expect({ a: "failed", run: "failed" });
    expect(s.owes("a")).toEqual([`search +${sendBy + searchAgainMs - s.now}`]);
    finds(s.later(sendBy + searchAgainMs - s.now));
    expect(s.owes("a")).toEqual([]);
    expect(s.world.runs.size).toBe(0);
  },
);

scenario(
  "rule 17: a job that came after its attempt had ended is ended and booked, whoever writes by then",
  "a",
  {},
  (s) => {
    endsInDoubt(s).takeover().later(searchAgainMs);
    finds(s, "jr_late").expect({ a: "failed", run: "failed" });
    expect(s.attempt("a")).toMatchObject({
      state: "orphan",
      ref: "jr_late",
      ending: { cause: "duplicate", at: s.now },
    });
    expect(s.owes("a")).toEqual(["cancel_duplicate +0", "observe +0", "cancel +0"]);
    expect(told(s)).toHaveLength(1);
    s.takeover().event("a", { kind: "duplicate_cancelled", tryNumber: 1, ref: "jr_late" });
    s.ends("a", "failed", "0.25").expect({ a: "failed", run: "failed" });
    expect(s.attempt("a")).toMatchObject({ state: "failed", failure: { code: "CANCELLED" } });
    expect(s.booked().map(({ amount }) => amount)).toEqual(["0.25"]);
    expect(s.world.runs.size).toBe(0);
  },
);

scenario(
  "rule 17: a job that came late does not run on beside the next try",
  "a",
  { a: { retries: 1, retryDelayMs: 1_000 } },
  (s) => {
    finds(s.submit("a", lost).later(searchable));
    s.submit("a", { kind: "refused", failure: { class: "retryable", code: "JOB_FAILED", message: "no such role" } });
    s.later(1_000)
      .starts("a", "jr_second")
      .later(searchAgainMs + sendWindowMs);
    finds(s, "jr_late").expect({ a: "running" });
    const [first] = [...(s.view().settling.values() ?? [])];
    expect(first).toMatchObject({ tryNumber: 1, state: "orphan", ref: "jr_late" });
    expect(s.attempt("a")).toMatchObject({ tryNumber: 2, ref: "jr_second", duplicates: [] });
  },
);

scenario("rule 17: of several jobs that came late each is cancelled", "a", {}, (s) => {
  finds(endsInDoubt(s).later(searchAgainMs), "jr_1", "jr_2");
  expect(s.owes("a").filter((item) => item.startsWith("cancel_duplicate"))).toHaveLength(2);
  expect(told(s)).toHaveLength(2);
});

scenario("rule 17: an attempt that was never in doubt is not searched for when it has ended", "a", {}, (s) => {
  s.submit("a", { kind: "refused", failure: { class: "denied", code: "AWS_DENIED", message: "no glue:StartJobRun" } });
  expect(s.owes("a")).toEqual([]);
  expect(s.world.runs.size).toBe(0);
});

scenario("rule 17: a late job that a person told the task to follow is not cancelled", "a", {}, (s) => {
  endsInDoubt(s).person({ kind: "adopt", place: s.places("a")[0] ?? -1, ref: "jr_late", by: "ana" });
  finds(s.later(searchAgainMs), "jr_late").expect({ a: "running" });
  expect(s.attempt("a")).toMatchObject({ state: "open", ref: "jr_late" });
  expect(told(s)).toEqual([]);
});

scenario(
  "rule 17: a duplicate is reported and cancelled once, although the last search finds it again",
  "a",
  {},
  (s) => {
    const { sendBy } = s.attempt("a");
    finds(s.submit("a", lost).later(searchable), "jr_1", "jr_2");
    s.event("a", { kind: "duplicate_cancelled", tryNumber: 1, ref: "jr_2" });
    s.takeover().later(sendBy + searchAgainMs - s.now);
    finds(s, "jr_1", "jr_2");
    expect(told(s)).toHaveLength(1);
    expect(s.owes("a")).toEqual(["observe +0"]);
    expect(s.attempt("a").duplicates).toEqual([]);
  },
);

scenario("rule 17: a duplicate that is cancelled after the last search is forgotten at once", "a", {}, (s) => {
  finds(s.submit("a", lost).later(searchable + searchAgainMs), "jr_1", "jr_2");
  expect(s.attempt("a")).toMatchObject({ searchAt: null, duplicates: [{ ref: "jr_2", isCancelled: false }] });
  s.event("a", { kind: "duplicate_cancelled", tryNumber: 1, ref: "jr_2" });
  expect(s.attempt("a").duplicates).toEqual([]);
});

scenario("rule 17: what ended later than the late search would have been is searched for at once", "a", {}, (s) => {
  finds(s.submit("a", lost).later(searchable));
  s.later(sendWindowMs + searchAgainMs)
    .cancelRun()
    .event("a", { kind: "not_sent", tryNumber: 1 });
  s.expect({ a: "failed" });
  expect(s.owes("a")).toEqual(["search +0"]);
  finds(s);
  expect(s.owes("a")).toEqual([]);
});

scenario(
  "rule 24: a job that a person told another task to follow is no duplicate of the attempt that came late",
  "a; b",
  {},
  (s) => {
    s.fails("b");
    endsInDoubt(s);
    s.person({ kind: "adopt", place: s.places("b")[0] ?? -1, ref: "jr_late", by: "ana" });
    finds(s.later(searchAgainMs), "jr_late");
    expect(s.owes("a")).toEqual([]);
    expect(told(s)).toEqual([]);
    s.succeeds("b").expect({ b: "success" });
  },
);

scenario(
  "rule 24: a job that was adopted and has ended is not booked once more by the search for the attempt before",
  "a",
  {},
  (s) => {
    endsInDoubt(s).person({ kind: "adopt", place: s.places("a")[0] ?? -1, ref: "jr_late", by: "ana" });
    s.ends("a", "failed", "0.25").later(searchAgainMs);
    finds(s, "jr_late");
    expect(told(s)).toEqual([]);
    expect(s.booked().map(({ amount }) => amount)).toEqual(["0.25"]);
  },
);
