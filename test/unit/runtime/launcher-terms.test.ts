import { expect, test } from "vitest";
import type { TaskEvent } from "../../../engine/core/machine/events.ts";
import type { Submitted, SubmitContext } from "../../../engine/core/operator.ts";
import { DEFAULT_SETTINGS } from "../../../engine/core/settings.ts";
import { Facts } from "../../../engine/runtime/facts.ts";
import { Launcher } from "../../../engine/runtime/launcher.ts";
import { dagSpec, Scenario, taskSpec } from "../../scenario/scenario.ts";

const BUSY: Submitted = { kind: "throttled", message: "slow down" };

/** A launcher whose service answers when, and what, the test says; `sees` is what the operator asks just before the socket. */
function launcherOf(answer: Promise<Submitted>) {
  const s = new Scenario(dagSpec([taskSpec("a")]));
  const [active] = s.world.runs.values();
  if (!active) throw new Error("no run");
  const contexts: SubmitContext[] = [];
  const operator = {
    type: "find",
    submit: (_params: unknown, context: SubmitContext) => {
      contexts.push(context);
      return answer;
    },
  };
  const deps = {
    settings: DEFAULT_SETTINGS,
    operator: async () => operator,
    connection: (name: string) => ({ name, region: "us-east-1", settings: {} }),
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  } as unknown as ConstructorParameters<typeof Launcher>[0];
  const clock = {
    now: () => s.now,
    isBefore: (at: number) => s.now < at,
    // Over a scaled local-aws a request takes as long by the wall as ever.
    realMs: (ms: number) => ms / 10,
  } as unknown as ConstructorParameters<typeof Launcher>[1];
  const posted: TaskEvent[] = [];
  const launcher = new Launcher(deps, clock, (_key, event) => void posted.push(event));
  return { launcher, posted, contexts, submit: () => launcher.submit({ active, position: 0 }, s.attempt("a"), {}) };
}

test("rule 15: a process that was stopped past its lease sends nothing by old memory, send_by or not", async () => {
  const { launcher, posted, contexts, submit } = launcherOf(Promise.resolve(BUSY));
  launcher.serve({ isLost: true });
  submit();
  await launcher.settle(60_000);
  expect(contexts).toEqual([]);
  expect(posted).toEqual([{ kind: "not_sent", tryNumber: 1 }]);
});

test("rule 15: a submit that its lease has outlived may not send in a later term either", async () => {
  const { launcher, contexts, submit } = launcherOf(Promise.resolve(BUSY));
  const lease = { isLost: false };
  launcher.serve(lease);
  submit();
  await launcher.settle(60_000);
  expect(contexts.map((context) => context.mayStillSend())).toEqual([true]);
  lease.isLost = true;
  launcher.serve({ isLost: false });
  expect(contexts.map((context) => context.mayStillSend())).toEqual([false]);
});

test("rule 8: an answer that came after another process wrote counts only if it names a job", async () => {
  for (const [result, kind] of [
    [BUSY, "doubt"],
    [{ kind: "refused", failure: { class: "denied", code: "AWS_DENIED", message: "no" } }, "doubt"],
    [{ kind: "started", ref: "jr_1" }, "started"],
  ] as const) {
    let answer: (result: Submitted) => void = () => undefined;
    const { launcher, posted, submit } = launcherOf(new Promise((resolve) => (answer = resolve)));
    submit();
    launcher.disown();
    answer(result);
    await launcher.settle(60_000);
    expect(posted).toMatchObject([{ kind: "submitted", result: { kind } }]);
  }
});

test("rule 8: what waits to be written when another process wrote is a doubt, unless it names a job", () => {
  const facts = new Facts();
  const key = { runId: "r", taskNo: 1, mapIndex: -1 };
  const events: TaskEvent[] = [
    { kind: "submitted", tryNumber: 1, result: BUSY },
    { kind: "not_sent", tryNumber: 1 },
    { kind: "submitted", tryNumber: 1, result: { kind: "started", ref: "jr_1" } },
    { kind: "searched", tryNumber: 1, refs: [] },
  ];
  for (const event of events) facts.add({ key, event });
  facts.disown();
  const told = facts.take().map(({ event }) => (event.kind === "submitted" ? event.result.kind : event.kind));
  expect(told).toEqual(["doubt", "doubt", "started", "searched"]);
});

test("rule 16: an operator is told for how long, by the wall, its request may be under way", async () => {
  const { launcher, contexts, submit } = launcherOf(Promise.resolve(BUSY));
  submit();
  await launcher.settle(60_000);
  expect(contexts.map(({ requestLimitMs }) => requestLimitMs)).toEqual([DEFAULT_SETTINGS.requestLimitMs / 10]);
});
