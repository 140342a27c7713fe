import { describe, expect, it } from "vitest";
import { only, problems } from "./reading.ts";

const text = (groups: string, tasks = "  first: { operator: noop }\n") =>
  `dag: nightly\ntasks:\n${tasks}groups:\n${groups.replace(/^(?=.)/gm, "  ")}\n`;
const upstreams = (source: string) =>
  Object.fromEntries(only(source).spec.tasks.map(({ taskId, dependsOn }) => [taskId, [...dependsOn].sort()]));

const warehouse = `
warehouse:
  depends_on: [first]
  defaults: { retries: 3, aws: { region: eu-west-1 } }
  tasks:
    copy: { operator: noop }
    merge: { operator: noop, depends_on: [copy], retries: 1 }
  groups:
    checks:
      depends_on: [merge]
      defaults: { priority: 5 }
      tasks:
        rows: { operator: noop }
        sums: { operator: noop }`;

describe("a group", () => {
  it("gives its tasks their names and its defaults, the innermost word first", () => {
    const { tasks } = only(text(warehouse)).spec;
    expect(tasks.map(({ taskId, groupId }) => [taskId, groupId])).toEqual([
      ["first", null],
      ["warehouse.copy", "warehouse"],
      ["warehouse.merge", "warehouse"],
      ["warehouse.checks.rows", "warehouse.checks"],
      ["warehouse.checks.sums", "warehouse.checks"],
    ]);
    expect(tasks.map(({ retries, priority, region }) => [retries, priority, region])).toEqual([
      [0, 1, null],
      [3, 1, "eu-west-1"],
      [1, 1, "eu-west-1"],
      [3, 5, "eu-west-1"],
      [3, 5, "eu-west-1"],
    ]);
  });

  it("hands what it waits for to its first tasks, and stands for its last ones", () => {
    const after = "  first: { operator: noop }\n  last: { operator: noop, depends_on: [warehouse] }\n";
    expect(upstreams(text(warehouse, after))).toEqual({
      first: [],
      last: ["warehouse.checks.rows", "warehouse.checks.sums"],
      "warehouse.copy": ["first"],
      "warehouse.merge": ["warehouse.copy"],
      "warehouse.checks.rows": ["warehouse.merge"],
      "warehouse.checks.sums": ["warehouse.merge"],
    });
  });

  it("finds a name within itself first, then in the groups around it, then outside", () => {
    const groups = `
outer:
  tasks:
    same: { operator: noop }
    only_outer: { operator: noop }
  groups:
    inner:
      tasks:
        same: { operator: noop }
        a: { operator: noop, depends_on: [same, only_outer, first] }`;
    expect(
      upstreams(text(groups, "  first: { operator: noop }\n  same: { operator: noop }\n"))["outer.inner.a"],
    ).toEqual(["first", "outer.inner.same", "outer.only_outer"]);
  });

  it("is not waited for until it is cleaned up: its teardowns are neither first nor last", () => {
    const groups = `
cluster:
  depends_on: [first]
  tasks:
    create: { operator: noop, setup_for: [work] }
    work: { operator: noop }
    drop: { operator: noop, teardown_of: [create] }`;
    const after = "  first: { operator: noop }\n  last: { operator: noop, depends_on: [cluster] }\n";
    expect(upstreams(text(groups, after))).toEqual({
      first: [],
      last: ["cluster.work"],
      "cluster.create": ["first"],
      "cluster.work": ["cluster.create"],
      "cluster.drop": ["cluster.work"],
    });
  });

  it("may be what a setup serves: all its tasks, which the teardown then waits for", () => {
    const groups = "work:\n  tasks:\n    a: { operator: noop }\n    b: { operator: noop, depends_on: [a] }";
    const around =
      "  create: { operator: noop, setup_for: [work] }\n  drop: { operator: noop, teardown_of: [create] }\n";
    expect(upstreams(text(groups, around))).toEqual({
      create: [],
      drop: ["work.a", "work.b"],
      "work.a": ["create"],
      "work.b": ["create", "work.a"],
    });
  });

  it("may be named beside one of its tasks, which is then waited for once", () => {
    const after = "  first: { operator: noop }\n  last: { operator: noop, depends_on: [g, g.a] }\n";
    expect(upstreams(text("g: { tasks: { a: { operator: noop } } }", after))["last"]).toEqual(["g.a"]);
  });

  it("may be all there is", () => {
    const { spec } = only("dag: x\ngroups: { g: { tasks: { a: { operator: noop } } } }\n");
    expect(spec.tasks.map(({ taskId }) => taskId)).toEqual(["g.a"]);
  });

  it("has tasks whose outputs are read by their way or their whole name", () => {
    const use = (name: string) =>
      problems(
        text(
          "g: { tasks: { a: { operator: noop } } }",
          `  last: { operator: job.run, depends_on: [g], with: { job: "{{ ${name} }}" } }\n`,
        ),
      );
    expect(use("tasks.g.a.output.rows")).toEqual([]);
    expect(use("tasks['g.a'].output")).toEqual([]);
    expect(use("tasks.a.output")).toEqual(["3:64+14 DAG_TEMPLATE tasks.a: no such task in this DAG"]);
  });
});

describe("problems of groups", () => {
  it.each([
    [
      "a group named like a task",
      "first: { tasks: { a: { operator: noop } } }",
      "5:3+5 DAG_INVALID first: a task has this name already",
    ],
    ["an empty group", "g: { tasks: {} }", "5:3+1 DAG_INVALID g: expected at least one task in this group"],
    [
      "an empty group with an empty group",
      "g: { groups: { h: {} } }",
      "5:18+1 DAG_INVALID g.h: expected at least one task in this group",
    ],
    [
      "groups that wait for each other",
      "g: { depends_on: [h], tasks: { a: { operator: noop } } }\nh: { depends_on: [g], tasks: { a: { operator: noop } } }",
      "6:21+1 DAG_CYCLE g.a -> h.a -> g.a",
    ],
    [
      "a task that waits for its own group",
      "g: { tasks: { a: { operator: noop, depends_on: [g] } } }",
      "5:51+1 DAG_CYCLE g.a -> g.a",
    ],
    [
      "a group that waits for itself",
      "g: { depends_on: [g], tasks: { a: { operator: noop } } }",
      "5:21+1 DAG_CYCLE g.a -> g.a",
    ],
    [
      "an unknown name, as it would be written here",
      "g: { tasks: { copy: { operator: noop }, b: { operator: noop, depends_on: [cpy] } } }",
      "5:77+3 DAG_UNKNOWN_TASK cpy: no such task in depends_on (copy?)",
    ],
    [
      "an unknown name a group waits for",
      "g: { depends_on: [frst], tasks: { a: { operator: noop } } }",
      "5:21+4 DAG_UNKNOWN_TASK frst: no such task in depends_on (first?)",
    ],
    [
      "a teardown of a group",
      "g: { tasks: { a: { operator: noop } } }\nh: { tasks: { b: { operator: noop, teardown_of: [g] } } }",
      "6:52+1 DAG_INVALID g: this is a group; name the setup that is torn down",
    ],
    [
      "a mapped group",
      "g: { for_each: [1], tasks: { a: { operator: noop } } }",
      "5:8+8 DAG_UNKNOWN_KEY for_each: a group cannot be mapped; write it at the tasks of the group",
    ],
    [
      "a wrong key of a task in a group within a group",
      "g: { groups: { h: { tasks: { a: { operator: noop, retrys: 1 } } } } }",
      "5:53+6 DAG_UNKNOWN_KEY retrys: no such key in a (retries?)",
    ],
    [
      "a wrong value of a task in a group, and what else is wrong",
      "g: { tasks: { a: { operator: noop, retries: -1, pool: w } } }",
      "5:47+2 DAG_INVALID retries: expected at least 0, got -1\n5:57+1 DAG_POOL w: no such pool",
    ],
    [
      "an unknown pool in the defaults of a group",
      "g: { defaults: { pool: w }, tasks: { a: { operator: noop } } }",
      "5:26+1 DAG_POOL w: no such pool",
    ],
  ])("name %s", (_, groups, expected) => {
    expect(problems(text(groups)).join("\n")).toBe(expected);
  });
});
