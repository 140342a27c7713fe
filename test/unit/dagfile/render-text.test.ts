import { describe, expect, it } from "vitest";
import { isTruthy } from "../../../engine/core/condition.ts";
import { decideWhen } from "../../../engine/dagfile/condition.ts";
import { MAX_ITEMS, itemsOf, renderItems } from "../../../engine/dagfile/for-each.ts";
import { renderText } from "../../../engine/dagfile/render-text.ts";
import { templateContext } from "../../../engine/dagfile/template-context.ts";
import { given, run } from "./rendering.ts";

const refused = (code: string, message: string) => ({ ok: false, failure: { class: "permanent", code, message } });

describe("a template as text", () => {
  it("is its text, and the JSON of anything else", () => {
    const conf = { n: 3, list: [1, "a"], text: "{{ ds }}" };
    expect(renderText("{{ ds }}-{{ conf.n }}", given({ conf }))).toEqual({ ok: true, text: "2026-01-10-3" });
    expect(renderText("{{ conf.list }}", given({ conf }))).toEqual({ ok: true, text: '[1,"a"]' });
    expect(renderText("{{ conf.text }}", given({ conf }))).toEqual({ ok: true, text: "{{ ds }}" });
  });

  it("needs only the run for a concurrency key", () => {
    const { spec, conf, local } = given({ conf: { store: "a" } });
    expect(renderText("{{ conf.store }}/{{ run_type }}", { spec, run, conf, local })).toEqual({
      ok: true,
      text: "a/scheduled",
    });
  });

  it("fails where its value is null or not there", () => {
    expect(renderText("{{ prev_success.ds }}", given())).toEqual(
      refused("TEMPLATE_FAILED", "{{ prev_success.ds }}: the value is null; give it a `default`"),
    );
    expect(renderText("{{ vars.gone }}", given({ vars: { there: 1 } }))).toEqual(
      refused("TEMPLATE_FAILED", "undefined variable: vars.gone"),
    );
  });
});

describe("the names of an instance and of the last success", () => {
  it("are the item and its index", () => {
    expect(templateContext(given({ item: { store: 1 }, mapIndex: 4 }))).toMatchObject({
      item: { store: 1 },
      map_index: 4,
    });
    expect(templateContext(given())).not.toHaveProperty("item");
  });

  it("are that run's own dates", () => {
    const day = 86_400_000;
    const [logicalAt, intervalEndAt] = [(run.logicalAt ?? 0) - 2 * day, (run.logicalAt ?? 0) - day];
    const prevSuccess = { ...run, logicalAt, intervalStartAt: logicalAt, intervalEndAt, startedAt: intervalEndAt };
    expect(templateContext(given({ prevSuccess }))["prev_success"]).toEqual({
      logical_date: "2026-01-08T00:00:00+00:00",
      ds: "2026-01-08",
      data_interval_start: "2026-01-08T00:00:00+00:00",
      data_interval_end: "2026-01-09T00:00:00+00:00",
      started_at: "2026-01-09T00:00:00+00:00",
    });
  });

  it("of a group lead through it to the outputs of its tasks", () => {
    const outputs = { up: 1, "g.a": { rows: 5 } };
    expect(renderText("{{ tasks.g.a.output.rows }} {{ tasks['g.a'].output.rows }}", given({ outputs }))).toEqual({
      ok: true,
      text: "5 5",
    });
  });
});

describe("a condition", () => {
  it.each([false, 0, "", null, "false", "no", "off", "0", " FALSE ", "No", "oFF\n"])("is false for %j", (value) => {
    expect(isTruthy(value)).toBe(false);
  });

  it.each([[true], [1], [-1], ["true"], ["yes"], ["00"], ["none"], [[]], [{}]])("is true for %j", (value) => {
    expect(isTruthy(value)).toBe(true);
  });

  it("is decided by what its template renders to", () => {
    const when = "{{ tasks.up.output.rows }}";
    expect(decideWhen(when, given({ outputs: { up: { rows: 0 } } }))).toEqual({ ok: true, isTrue: false });
    expect(decideWhen(when, given({ outputs: { up: { rows: 7 } } }))).toEqual({ ok: true, isTrue: true });
    expect(decideWhen("{% if run_type == 'backfill' %}yes{% endif %}", given())).toEqual({ ok: true, isTrue: false });
    expect(decideWhen(when, given())).toEqual(refused("TEMPLATE_FAILED", "when: undefined variable: tasks.up"));
  });
});

describe("what a task is mapped over", () => {
  it.each([
    ["a list", [1, { a: 2 }], [1, { a: 2 }]],
    [
      "a map, as keys and values",
      { b: 1, a: [2] },
      [
        { key: "b", value: 1 },
        { key: "a", value: [2] },
      ],
    ],
    ["a list with templates", ["{{ ds }}", "x"], ["2026-01-10", "x"]],
    ["a template that renders to a list", "{{ conf.list }}", [3, 4]],
    ["a template that renders to a map", "{{ conf.map }}", [{ key: "k", value: "v" }]],
    ["the JSON of a list", "[1, {{ conf.list[0] }}]", [1, 3]],
    ["nothing", [], []],
  ])("is %s", (_, items, expected) => {
    const conf = { list: [3, 4], map: { k: "v" } };
    expect(renderItems(items, given({ conf }))).toEqual({ ok: true, items: expected });
  });

  it("may lie in S3, for the caller to fetch, and is then read as text", () => {
    expect(renderItems("s3://bucket/{{ ds }}/list.json", given())).toEqual({
      ok: true,
      uri: "s3://bucket/2026-01-10/list.json",
    });
    expect(itemsOf('{"a":1}')).toEqual({ ok: true, items: [{ key: "a", value: 1 }] });
  });

  it.each([
    [5, "5"],
    ["abc", '"abc"'],
    [null, "nothing"],
    ["7", '"7"'],
    [true, "true"],
    ["x".repeat(100), `"${"x".repeat(56)}…`],
  ])("fails for anything else, and says what it got: %j", (value, got) => {
    expect(renderItems("{{ conf.value }}", given({ conf: { value } }))).toEqual(
      refused("FOR_EACH_INVALID", `for_each: expected a list, a map, their JSON or an s3:// address, got ${got}`),
    );
  });

  it("fails beyond 10,000 items, and not at them", () => {
    const list = Array.from({ length: MAX_ITEMS }, (_, index) => index);
    expect(itemsOf(list)).toEqual({ ok: true, items: list });
    expect(itemsOf([...list, 0])).toEqual(
      refused("FOR_EACH_INVALID", "for_each: expected at most 10000 items, got 10001"),
    );
  });
});
