import type { LoadedDag } from "../dag.ts";
import type { DagVersionToPublish } from "../flush-batch.ts";
import type { World } from "./world.ts";

/** The next version of a DAG, or null when the file says what the current version says (protocol rule 28). */
export function nextVersion(world: World, loaded: LoadedDag, newId: () => string): DagVersionToPublish | null {
  const { spec, versionHash, source, files } = loaded;
  const current = world.known.current(spec.dagId)?.version;
  if (current?.hash === versionHash) return null;
  const known = world.known.taskNosOf(spec.dagId);
  let last = Math.max(0, ...known.values());
  const taskNos = Object.fromEntries(spec.tasks.map(({ taskId }) => [taskId, known.get(taskId) ?? ++last]));
  return {
    version: {
      versionId: newId(),
      dagId: spec.dagId,
      versionNumber: (current?.versionNumber ?? 0) + 1,
      hash: versionHash,
      spec,
      taskNos,
    },
    file: source.file,
    source: source.text,
    files,
  };
}
