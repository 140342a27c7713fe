import fc from "fast-check";
import { expect, test } from "vitest";
import { teardownVerdict, triggerVerdict, type UpstreamCounts } from "../../../engine/core/machine/trigger-rule.ts";

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

/** Every way four upstreams can stand. */
function* vectors(): Generator<UpstreamCounts> {
  for (let success = 0; success <= 4; success++)
    for (let failed = 0; success + failed <= 4; failed++)
      for (let upstreamFailed = 0; success + failed + upstreamFailed <= 4; upstreamFailed++)
        for (let skipped = 0; success + failed + upstreamFailed + skipped <= 4; skipped++)
          for (let open = 0; success + failed + upstreamFailed + skipped + open <= 4; open++) {
            const total = success + failed + upstreamFailed + skipped + open;
            yield counts({ total, success, failed, upstreamFailed, skipped });
          }
}

test("all_success runs exactly when every upstream succeeded, for every vector of up to four upstreams", () => {
  for (const vector of vectors()) {
    const bad = vector.failed + vector.upstreamFailed > 0;
    const expected = bad
      ? "upstream_failed"
      : vector.skipped > 0
        ? "skip"
        : vector.success === vector.total
          ? "run"
          : "wait";
    expect(triggerVerdict("all_success", vector), JSON.stringify(vector)).toBe(expected);
  }
});

test("all_done runs exactly when every upstream has ended, for every vector of up to four upstreams", () => {
  for (const vector of vectors()) {
    const ended = vector.success + vector.failed + vector.upstreamFailed + vector.skipped;
    expect(triggerVerdict("all_done", vector)).toBe(ended === vector.total ? "run" : "wait");
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
