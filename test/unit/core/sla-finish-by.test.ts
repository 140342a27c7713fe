import { describe, expect, it } from "vitest";
import { deadlineFor, verdictByElapsed } from "../../../engine/core/sla/finish-by.ts";

const rule = (hour: number, minute = 0, days = 0) => ({ name: "ready", finishBy: { hour, minute, days } });
const at = (text: string): number => Date.parse(text);
const iso = (instant: number): string => new Date(instant).toISOString();

describe("finish_by", () => {
  it("is the first such wall-clock time at or after the due time", () => {
    expect(iso(deadlineFor(rule(6), at("2026-01-02T07:00:00Z"), "America/New_York"))).toBe("2026-01-02T11:00:00.000Z");
    expect(iso(deadlineFor(rule(1), at("2026-01-02T07:00:00Z"), "America/New_York"))).toBe("2026-01-03T06:00:00.000Z");
    expect(iso(deadlineFor(rule(2), at("2026-01-02T07:00:00Z"), "America/New_York"))).toBe("2026-01-02T07:00:00.000Z");
  });

  it("counts +1d on the calendar, through a change of the clock", () => {
    expect(iso(deadlineFor(rule(6, 0, 1), at("2026-03-07T07:00:00Z"), "America/New_York"))).toBe(
      "2026-03-08T10:00:00.000Z",
    );
  });

  it("takes a fold's hour that is still to come, and a gap's end", () => {
    expect(iso(deadlineFor(rule(1, 30), at("2026-11-01T05:45:00Z"), "America/New_York"))).toBe(
      "2026-11-01T06:30:00.000Z",
    );
    expect(iso(deadlineFor(rule(2, 30), at("2026-03-08T05:00:00Z"), "America/New_York"))).toBe(
      "2026-03-08T07:00:00.000Z",
    );
  });

  it("judges a backfilled run by its due time plus its own elapsed time", () => {
    const run = (minutes: number) => ({
      dueAt: at("2026-01-02T07:00:00Z"),
      startedAt: 1_000,
      endedAt: 1_000 + minutes * 60_000,
    });
    expect(verdictByElapsed(rule(6), run(240), "America/New_York").met).toBe(true);
    expect(verdictByElapsed(rule(6), run(241), "America/New_York").met).toBe(false);
  });
});
