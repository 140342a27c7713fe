import pg from "pg";
import { expect, test } from "vitest";
import { Facts } from "../../../engine/runtime/facts.ts";
import { Flushes } from "../../../engine/runtime/flushes.ts";
import { dagSpec, Scenario, taskSpec } from "../../scenario/scenario.ts";

type Given = ConstructorParameters<typeof Flushes>;

/** Flushes of a world that nothing goes on in, on a connection that has broken. */
async function broken() {
  const s = new Scenario(dagSpec([taskSpec("a")]));
  s.world.takePending();
  const client = new pg.Client();
  await client.end();
  const session = { client, close: () => client.end() };
  const facts = new Facts();
  const asked: string[] = [];
  const dispatch = { intend: () => undefined, run: () => void asked.push("run") } as unknown as Given[5];
  const clock = { mark: () => ({ monotonic: 0, wall: 0 }) } as unknown as Given[1];
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
  const hears = { sent: () => facts.leave(), acknowledged: () => void facts.acknowledged(), wake: () => undefined };
  const fence = { epoch: "1", owner: "me" };
  const flushes = new Flushes({ log, onMails: () => undefined }, clock, session, fence, s.world, dispatch, hears);
  return { s, facts, asked, flushes };
}

test("rule 5: once a flush is lost, what was decided meanwhile is neither sent nor acted on, and its facts come again", async () => {
  const { s, facts, asked, flushes } = await broken();
  const key = { runId: "r", taskNo: 1, mapIndex: -1 };
  facts.add({ key, event: { kind: "submitted", tryNumber: 1, result: { kind: "started", ref: "jr_1" } } });
  facts.take();
  s.world.gathered.pool("nightly", 1);
  flushes.send();
  await expect(flushes.ended()).rejects.toThrow("closed");
  expect(() => flushes.send()).toThrow("closed");
  expect(flushes.isDurable).toBe(false);
  facts.afterReload();
  expect(facts.take().map(({ event }) => event.kind)).toEqual(["submitted"]);
  expect(asked).toEqual([]);
});

test("what waits for the flush under way to end is not durable yet", async () => {
  const { s, flushes } = await broken();
  expect(flushes.isDurable).toBe(true);
  s.world.gathered.pool("nightly", 1);
  expect(flushes.isDurable).toBe(false);
});

test("rule 7: a run is put aside as it was sent, whatever was decided about it since", () => {
  const s = new Scenario(dagSpec([taskSpec("a")]));
  s.world.takePending();
  const [active] = s.world.runs.values();
  const sent = active?.run;
  s.world.decideRun(sent?.runId ?? "", { kind: "end", cause: "cancel", by: "ann" }, s.context());
  expect(active?.run).not.toBe(sent);
  expect(s.world.sentRun(sent?.runId ?? "")).toBe(sent);
});
