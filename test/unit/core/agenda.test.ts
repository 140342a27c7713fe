import fc from "fast-check";
import { expect, test } from "vitest";
import { Agenda } from "../../../engine/core/agenda.ts";

test("the agenda hands out what is due, soonest first, and keeps the rest", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 })), fc.integer({ min: 0, max: 100 }), (times, now) => {
      const agenda = new Agenda<number>();
      for (const at of times) agenda.add(at, at);
      const sorted = [...times].sort((a, b) => a - b);
      expect(agenda.take(now)).toEqual(sorted.filter((at) => at <= now));
      expect(agenda.nextAt).toBe(sorted.find((at) => at > now) ?? Infinity);
    }),
  );
});
