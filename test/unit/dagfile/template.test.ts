import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Json } from "../../../engine/core/json.ts";
import { renderValue } from "../../../engine/dagfile/template.ts";

const context = {
  ds: "2026-03-08",
  ts: "2026-03-08T07:00:00+00:00",
  conf: { n: 3, none: null, list: [1, 2], map: { a: 1 }, evil: "{{ ds }}", yes: true },
  params: { bucket: "acme" },
};
const render = (value: Json): Json => {
  const rendered = renderValue(value, context);
  if (!rendered.ok) throw new Error(rendered.message);
  return rendered.value;
};
const failure = (value: Json) => {
  const rendered = renderValue(value, context);
  return rendered.ok ? null : rendered;
};

describe("templates", () => {
  it("keep the type of a lone expression, and make text amid text", () => {
    expect(render("{{ conf.n }}")).toBe(3);
    expect(render("{{ conf.yes }}")).toBe(true);
    expect(render("{{ conf.none }}")).toBeNull();
    expect(render("{{ conf.list }}")).toEqual([1, 2]);
    expect(render("{{ conf.n | plus: 1 }}")).toBe(4);
    expect(render("n={{ conf.n }}")).toBe("n=3");
    expect(render("{{ conf.map }} {{ conf.list }}")).toBe('{"a":1} [1,2]');
    expect(render("{% if conf.yes %}a{% else %}b{% endif %}")).toBe("a");
  });

  it("are rendered through lists and maps, leaving keys and other values alone", () => {
    expect(render({ "{{ ds }}": ["{{ ds }}", 5, null, { b: "s3://{{ params.bucket }}/" }] })).toEqual({
      "{{ ds }}": ["2026-03-08", 5, null, { b: "s3://acme/" }],
    });
  });

  it("never render a value from outside again", () => {
    expect(render("{{ conf.evil }}")).toBe("{{ ds }}");
    expect(render("x {{ conf.evil }}")).toBe("x {{ ds }}");
    fc.assert(
      fc.property(fc.string(), (text) => {
        const rendered = renderValue("{{ conf.text }}|{{ conf.text }}", { conf: { text } });
        expect(rendered).toEqual({ ok: true, value: `${text}|${text}` });
      }),
    );
  });

  it("fail by name where a value is missing, and say where", () => {
    expect(failure({ a: ["x", "{{ conf.gone }}"] })).toEqual({
      ok: false,
      path: ["a", 1],
      message: "undefined variable: conf.gone",
    });
    expect(failure("s3://{{ conf.none }}/x")?.message).toContain("null");
    expect(render("s3://{{ conf.none | default: 'd' }}/x")).toBe("s3://d/x");
  });

  it("reach neither JavaScript nor files nor endless loops", () => {
    for (const text of [
      "{{ ds.constructor }}",
      "{{ conf.constructor }}",
      "{{ conf.__proto__ }}",
      "{{ conf.list.map }}",
    ]) {
      expect(failure(text)?.message, text).toContain("undefined variable");
    }
    expect(failure("{% render 'package.json' %}")?.message).toContain("not found");
    expect(failure("{% for i in (1..100000000) %}{{ i }}{% endfor %}")?.message).toMatch(/limit/);
  });

  it("count days on the calendar", () => {
    expect(render("{{ ds | date_add: -8 }}")).toBe("2026-02-28");
    expect(render("{{ ts | date_add: 1 }}")).toBe("2026-03-09T07:00:00+00:00");
    expect(failure("{{ params.bucket | date_add: 1 }}")?.message).toBe('date_add: "acme" is no date');
    expect(failure("{{ ds | date_add: 'x' }}")?.message).toContain("whole number");
  });

  it("format dates, instants in UTC or in a zone", () => {
    expect(render("{{ ds | date_format: '%Y/%m/%d %j %a %A %b %B %y %u %-d %F 100%%' }}")).toBe(
      "2026/03/08 067 Sun Sunday Mar March 26 7 8 2026-03-08 100%",
    );
    expect(render("{{ ts | date_format: '%H:%M:%S' }}")).toBe("07:00:00");
    expect(render("{{ ts | date_format: '%H:%M', 'America/New_York' }}")).toBe("03:00");
    expect(failure("{{ ds | date_format: '%Q' }}")?.message).toContain("%Q is not known");
  });
});
