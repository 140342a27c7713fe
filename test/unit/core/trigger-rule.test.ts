import fc from "fast-check";
import { expect, test } from "vitest";
import { TRIGGER_RULES, type TriggerRule } from "../../../engine/core/dag.ts";
import {
  teardownVerdict,
  triggerVerdict,
  type TriggerVerdict,
  type UpstreamCounts,
} from "../../../engine/core/machine/trigger-rule.ts";

const counts = (parts: Partial<UpstreamCounts>): UpstreamCounts => ({
  total: 0,
  success: 0,
  failed: 0,
  upstreamFailed: 0,
  skipped: 0,
  removed: 0,
  setupSuccess: 0,
  setupSkipped: 0,
  setupTotal: 0,
  ...parts,
});

type Upstream = "open" | "success" | "failed" | "upstream_failed" | "skipped" | "removed";
const UPSTREAMS: readonly Upstream[] = ["open", "success", "failed", "upstream_failed", "skipped", "removed"];

/** Every way that at most `most` upstreams can stand, in no order. */
function* standings(most: number, from = 0): Generator<readonly Upstream[]> {
  yield [];
  if (most === 0) return;
  for (let index = from; index < UPSTREAMS.length; index++) {
    for (const rest of standings(most - 1, index)) yield [UPSTREAMS[index] ?? "open", ...rest];
  }
}

const countsOf = (upstreams: readonly Upstream[]): UpstreamCounts => {
  const of = (state: Upstream): number => upstreams.filter((each) => each === state).length;
  return counts({
    total: upstreams.length,
    success: of("success"),
    failed: of("failed"),
    upstreamFailed: of("upstream_failed"),
    skipped: of("skipped"),
    removed: of("removed"),
  });
};

/** Airflow's table, read off for upstreams that are there: the first line that holds decides, else the task waits. */
type Line = readonly [(is: Standing) => boolean, TriggerVerdict];
interface Standing {
  readonly all: (...states: Upstream[]) => boolean;
  readonly some: (...states: Upstream[]) => boolean;
}
const done = (is: Standing): boolean => !is.some("open");
const failure = (is: Standing): boolean => is.some("failed", "upstream_failed");
const TABLE: Readonly<Record<TriggerRule, readonly Line[]>> = {
  all_success: [
    [failure, "upstream_failed"],
    [(is) => is.some("skipped"), "skip"],
    [(is) => is.all("success"), "run"],
  ],
  all_failed: [
    [(is) => is.some("success", "skipped"), "skip"],
    [(is) => is.all("failed", "upstream_failed"), "run"],
  ],
  all_done: [[done, "run"]],
  all_done_min_one_success: [
    [(is) => is.some("skipped"), "skip"],
    [(is) => done(is) && is.some("success"), "run"],
    [done, "upstream_failed"],
  ],
  all_skipped: [
    [(is) => is.some("success", "failed", "upstream_failed"), "skip"],
    [(is) => is.all("skipped"), "run"],
  ],
  one_failed: [
    [failure, "run"],
    [done, "skip"],
  ],
  one_success: [
    [(is) => is.some("success"), "run"],
    [(is) => is.all("skipped"), "skip"],
    [done, "upstream_failed"],
  ],
  one_done: [
    [(is) => is.some("success", "failed"), "run"],
    [done, "skip"],
  ],
  none_failed: [
    [failure, "upstream_failed"],
    [(is) => is.all("success", "skipped"), "run"],
  ],
  none_failed_min_one_success: [
    [failure, "upstream_failed"],
    [(is) => is.all("skipped"), "skip"],
    [done, "run"],
  ],
  none_skipped: [
    [(is) => is.some("skipped"), "skip"],
    [done, "run"],
  ],
  always: [[() => true, "run"]],
};

test.each(TRIGGER_RULES)("%s says what Airflow's table says, for every standing of up to four upstreams", (rule) => {
  for (const upstreams of standings(4)) {
    const there = upstreams.filter((each) => each !== "removed");
    const all = (...states: Upstream[]): boolean => there.every((each) => states.includes(each));
    const some = (...states: Upstream[]): boolean => there.some((each) => states.includes(each));
    const line = TABLE[rule].find(([holds]) => holds({ all, some }));
    const expected = there.length === 0 ? "run" : (line?.[1] ?? "wait");
    expect(triggerVerdict(rule, countsOf(upstreams)), upstreams.join(" ")).toBe(expected);
  }
});

test.each(TRIGGER_RULES)("%s never waits once every upstream has ended", (rule) => {
  for (const upstreams of standings(4)) {
    if (!upstreams.includes("open")) expect(triggerVerdict(rule, countsOf(upstreams))).not.toBe("wait");
  }
});

test("a teardown never runs before everything is done, and runs then if any setup succeeded", () => {
  const upstreams = fc.record({ done: fc.nat(4), open: fc.nat(4), setupSuccess: fc.nat(2) });
  fc.assert(
    fc.property(upstreams, ({ done, open, setupSuccess }) => {
      const total = done + open + setupSuccess;
      const vector = counts({ total, failed: done, success: setupSuccess, setupSuccess, setupTotal: 2 });
      const expected = open > 0 ? "wait" : setupSuccess > 0 ? "run" : "upstream_failed";
      expect(teardownVerdict(vector)).toBe(expected);
    }),
  );
});
