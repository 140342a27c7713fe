import { expect, test } from "vitest";
import { LookGroups, type Watched } from "../../../engine/runtime/look-groups.ts";

interface Job extends Watched {
  readonly id: string;
}

const job = (id: string, askedAt: number, dueAt: number, group = "athena"): Job => ({ id, askedAt, dueAt, group });

function groupsOf(...jobs: readonly Job[]): LookGroups<Job> {
  const groups = new LookGroups<Job>();
  for (const each of jobs) groups.put(each);
  return groups;
}

/** What is due, and with it up to `places` early ones. */
function taken(groups: LookGroups<Job>, now: number, places = 0): string[][] {
  return [...groups.due(now)].map((group) => {
    const jobs = [...group.takeDue(now), ...group.takeEarly(now, places)];
    groups.again(group);
    return jobs.map(({ id }) => id);
  });
}

test("what is due is taken by group, soonest first; the rest comes again when it is due", () => {
  const groups = groupsOf(job("b", 0, 20), job("a", 0, 10), job("c", 0, 30), job("d", 0, 15, "glue"));
  expect(groups.nextAt).toBe(10);
  expect(taken(groups, 20)).toEqual([["a", "b"], ["d"]]);
  expect(groups.nextAt).toBe(30);
  expect(taken(groups, 30)).toEqual([["c"]]);
  expect(groups.nextAt).toBe(Infinity);
});

test("empty places go to those due next whose wait is half over, and to no others", () => {
  const groups = groupsOf(job("due", 0, 100), job("half", 50, 150), job("late", 80, 160), job("other", 0, 101, "glue"));
  expect(taken(groups, 100, 10)).toEqual([["due", "half"]]);
  expect(taken(groups, 160, 10)).toEqual([["other"], ["late"]]);
});

test("no more are taken early than there are places", () => {
  const groups = groupsOf(job("due", 0, 100), job("a", 0, 101), job("b", 0, 102));
  expect(taken(groups, 100, 1)).toEqual([["due", "a"]]);
  expect(groups.nextAt).toBe(102);
});

test("one that was asked for earlier is taken once, at the earlier time", () => {
  const hurried = job("a", 0, 100);
  const groups = groupsOf(hurried);
  hurried.dueAt = 10;
  groups.put(hurried);
  expect(taken(groups, 10)).toEqual([["a"]]);
  expect(taken(groups, 100)).toEqual([[]]);
  expect(groups.nextAt).toBe(Infinity);
});

test("one that has moved to another group is taken with that one only", () => {
  const moved = job("a", 0, 10);
  const groups = groupsOf(moved);
  moved.group = "alone";
  groups.put(moved);
  expect(taken(groups, 10).flat()).toEqual(["a"]);
});
