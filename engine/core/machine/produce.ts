import type { Instant } from "../json.ts";
import type { RunDraft } from "./run-draft.ts";

/** The task's success has brought its assets up to date; of a mapped task it is that of all its instances. */
export function produce(draft: RunDraft, taskAt: number, at: Instant): void {
  const { taskId, produces } = draft.spec(taskAt);
  const { runId, dagId, dagRunId } = draft.run;
  const source = { runId, dagId, dagRunId, taskId };
  for (const asset of produces) draft.rare.assetEvents.push({ asset, at, source, by: "engine", extra: {} });
}
