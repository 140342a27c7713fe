import fc from "fast-check";
import { expect, test } from "vitest";
import { owedBy, pictureOf } from "./memory.ts";
import { walks } from "./walk-draws.ts";
import { Walk } from "./walk.ts";

/** What a process would have that loads what was flushed so far. */
const reloaded = (walk: Walk): Walk["world"] => walk.load(walk.rows.isOpen ? walk.rows.read() : null);

test("after every flush, whatever happened, the rows give the whole memory again: states, counters, slots, debts", () => {
  fc.assert(
    fc.property(walks, ({ spec, steps }) => {
      const walk = new Walk(spec, (each) => expect(pictureOf(reloaded(each))).toEqual(pictureOf(each.world)));
      for (const step of steps) walk.step(step);
    }),
    { numRuns: 60 },
  );
});

test("rule 11: what a step makes owed is owed by a task that the shell is told of, and no step owes what the rows do not", () => {
  fc.assert(
    fc.property(walks, ({ spec, steps }) => {
      const walk = new Walk(spec, (each, before, touched) => {
        const after = owedBy(each.active);
        expect(owedBy(reloaded(each).runs.values().next().value)).toEqual(after);
        for (const [name, items] of after) {
          const news = items.filter((item) => !before.get(name)?.includes(item));
          if (news.length > 0) expect(touched, `${name} owes ${news.join()}`).toContain(name);
        }
      });
      for (const step of steps) walk.step(step);
    }),
    { numRuns: 60 },
  );
});

test("a run to which anything has happened comes to its end once all that is owed is carried out", () => {
  fc.assert(
    fc.property(walks, ({ spec, steps }) => {
      const walk = new Walk(spec, () => undefined);
      for (const step of steps) walk.step(step);
      walk.finish();
      walk.expectFinished();
    }),
    { numRuns: 60 },
  );
});
