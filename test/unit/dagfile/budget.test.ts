import { NOTIFY_EVENTS } from "../../../engine/core/dag.ts";
import { describe, expect, it } from "vitest";
import { dag, only, problems } from "./reading.ts";

describe("budget and notify", () => {
  it("with a budget that says only its limit warns at 80 percent and blocks; without one nothing is limited and nobody is told", () => {
    const { spec } = only(dag("a: { operator: noop }", "budget: { per_run: 25 USD }\n"));
    expect(spec.budget).toEqual({ perRun: "25", currency: "USD", warnAt: 0.8, onExceeded: "block" });
    expect(only(dag("a: { operator: noop }")).spec).toMatchObject({ budget: null, notify: [] });
  });

  it.each([
    [
      "a budget in another currency",
      dag("a: { operator: noop }", "budget: { per_run: 25 EUR }\n"),
      '2:20+6 DAG_INVALID per_run: expected an amount in USD, the currency of every price, got "25 EUR"',
    ],
    [
      "a budget of nothing",
      dag("a: { operator: noop }", "budget: { per_run: 0.00 USD }\n"),
      '2:20+8 DAG_INVALID per_run: expected an amount above zero and its currency, such as 25 USD, got "0.00 USD"',
    ],
    [
      "a budget without its limit",
      dag("a: { operator: noop }", "budget: { warn_at: 50% }\n"),
      "2:1+6 DAG_MISSING_KEY per_run: this key is missing",
    ],
    [
      "a warning beyond the limit",
      dag("a: { operator: noop }", "budget: { per_run: 25 USD, warn_at: 120% }\n"),
      '2:37+4 DAG_INVALID warn_at: expected a share such as "80%" or 0.8, got "120%"',
    ],
    [
      "a warning at percents without their sign",
      dag("a: { operator: noop }", "budget: { per_run: 25 USD, warn_at: 80 }\n"),
      "2:37+2 DAG_INVALID warn_at: expected at most 1, got 80",
    ],
    [
      "an unknown way to exceed",
      dag("a: { operator: noop }", "budget: { per_run: 25 USD, on_exceeded: stopp }\n"),
      '2:41+5 DAG_INVALID on_exceeded: expected stop or block or warn, got "stopp" (stop?)',
    ],
    [
      "a budget of a task",
      dag("a: { operator: noop, budget: { per_run: 1 USD } }"),
      "3:24+6 DAG_UNKNOWN_KEY budget: no such key in a",
    ],
    [
      "an event nobody can be told of",
      dag("a: { operator: noop }", "notify: [{ email: [a@example.com], on: [sla_mised] }]\n"),
      `2:41+9 DAG_INVALID 0: expected ${NOTIFY_EVENTS.join(" or ")}, got "sla_mised" (sla_missed?)`,
    ],
    [
      "a rule for nobody",
      dag("a: { operator: noop }", "notify: [{ email: [], on: [run_failed] }]\n"),
      "2:12+5 DAG_INVALID email: expected at least one address",
    ],
    [
      "a rule about nothing",
      dag("a: { operator: noop }", "notify: [{ email: [a@example.com], on: [] }]\n"),
      "2:36+2 DAG_INVALID on: expected at least one event",
    ],
  ])("name %s", (_, text, expected) => {
    expect(problems(text)).toEqual([expected]);
  });

  it.each(["data-oncall", "ana@", "@example.com", "Ana <ana@example.com>", "a@b..com", "a b@example.com", "a@example"])(
    "name %s, which is no address",
    (address) => {
      const text = dag(
        "a: { operator: noop }",
        `notify: [{ email: [${JSON.stringify(address)}], on: [run_failed] }]\n`,
      );
      expect(problems(text)).toEqual([
        `2:20+${address.length + 2} DAG_INVALID 0: expected an e-mail address such as data-oncall@example.com, got ${JSON.stringify(address)}`,
      ]);
    },
  );

  it("name an address that would write a line of its own into a mail's head", () => {
    const text = dag(
      "a: { operator: noop }",
      'notify: [{ email: ["a@example.com\\r\\nBcc: b@example.com"], on: [run_failed] }]\n',
    );
    expect(problems(text)[0]).toMatch(/^2:20\+\d+ DAG_INVALID 0: expected an e-mail address/);
  });
});
