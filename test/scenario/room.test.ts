import { expect, test } from "vitest";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { dagSpec, Scenario, taskSpec } from "./scenario.ts";

const { maxNewRowsPerFlush: most } = DEFAULT_SETTINGS;
const items = Array.from({ length: 3 * most }, (_, index) => index);
const mapped = taskSpec("a", { forEach: { items, maxParallel: null, label: null } });

test("rule 6: what is made again counts as what is new: turns under one flush do not add up to a larger one", () => {
  const s = new Scenario(dagSpec([mapped]));
  const whole = s.places("a")[0] ?? -1;
  s.cancelRun();
  for (const { task, attempt } of s.view().nodes) {
    if (attempt?.state === "open") s.event(`a[${task.mapIndex}]`, { kind: "not_sent", tryNumber: 1 });
  }
  s.view();
  const [runId = ""] = s.world.runs.keys();
  s.world.decideRun(runId, { kind: "clear", places: [whole], by: "ana" }, s.context());
  s.world.takePending();
  for (let turn = 0; turn < 3; turn++) {
    for (const { active, position } of s.world.takeUnprepared(DEFAULT_SETTINGS)) {
      const node = active.nodes[position];
      if (position === whole && node)
        s.world.decideTask(node.task, { kind: "expanded", items, labels: null }, s.context());
    }
    s.world.startRuns(s.context());
    s.world.makeInstances(s.context());
  }
  const instances = s.view().nodes.filter(({ task: { mapIndex, state } }) => mapIndex >= 0 && state !== "removed");
  // One row was that of the task as a whole, when its run began again.
  expect(instances).toHaveLength(most - 1);
});
