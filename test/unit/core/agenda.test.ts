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

test("the agenda hands out what is due in parts, and shows all of it before", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 100 })), fc.integer({ min: 1, max: 5 }), (times, most) => {
      const agenda = new Agenda<number>();
      for (const at of times) agenda.add(at, at);
      const due = times.filter((at) => at <= 50).sort((a, b) => a - b);
      expect(agenda.look(50).sort((a, b) => a - b)).toEqual(due);
      const parts: number[] = [];
      for (let part = agenda.take(50, most); part.length > 0; part = agenda.take(50, most)) {
        expect(part.length).toBeLessThanOrEqual(most);
        parts.push(...part);
      }
      expect(parts).toEqual(due);
    }),
  );
});
