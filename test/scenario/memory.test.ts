import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { World } from "../../engine/core/machine/world.ts";
import { NOTHING_LOADED } from "./nothing-loaded.ts";
import { dagSpec, Scenario, taskSpec } from "./scenario.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** A world, and what it was made of as far as somebody still holds it. */
function read(): { readonly world: World; readonly loaded: WeakRef<object> } {
  const loaded = { ...NOTHING_LOADED };
  const kinds = { isSensor: () => false, isInstant: () => false };
  return { world: new World(loaded, kinds, () => undefined), loaded: new WeakRef(loaded) };
}

test("rule 33: what was read at a takeover is let go of once memory is made of it", async () => {
  const { world, loaded } = read();
  // Whoever looks at a weak reference holds it until the turn of the event loop is over.
  await new Promise(setImmediate);
  collect();
  expect(loaded.deref()).toBeUndefined();
  expect(world.runs.size).toBe(0);
});

test("rule 33: of a task that succeeded and owes nothing memory keeps no attempt; its row has been written", () => {
  const s = new Scenario(dagSpec([taskSpec("load"), taskSpec("publish", { dependsOn: ["load"] })]));
  s.succeeds("load");
  expect(s.view().nodes.map(({ attempt }) => attempt?.state ?? null)).toEqual([null, "open"]);
  expect(s.flushed("attemptsChanged").at(-1)?.to).toMatchObject({ taskNo: 1, state: "succeeded" });
});

test("rule 33: an attempt stays in memory while its bill is open, though its task has succeeded", () => {
  const s = new Scenario(dagSpec([taskSpec("load"), taskSpec("publish", { dependsOn: ["load"] })]));
  s.starts("load").observe("load", { kind: "succeeded", output: {}, settleAfterMs: 60_000 });
  expect(s.view().nodes[0]?.attempt).toMatchObject({ state: "succeeded", settleAt: s.now + 60_000 });
});
