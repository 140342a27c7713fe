import type { DagKnowledge, LoadedWorld } from "../flush-batch.ts";
import type { DagRun, DagVersion } from "../records.ts";
import { compileDag, type CompiledDag } from "./compiled-dag.ts";

/** The DAGs in memory: of all their ids and newest versions, of those that are due or at work all else. */
export class KnownDags {
  /** By version. */
  readonly versions = new Map<string, CompiledDag>();
  private readonly currentVersion: Map<string, string>;
  /** Every task number ever given, by DAG and task id: numbers only grow (rule 27). */
  private readonly taskNos = new Map<string, Map<string, number>>();

  constructor({ currentVersion, ...known }: DagKnowledge & Pick<LoadedWorld, "currentVersion">) {
    this.currentVersion = new Map(Object.entries(currentVersion));
    this.take(known);
  }

  /** Takes in what has been read. */
  take({ versions, dagTasks }: DagKnowledge): void {
    for (const version of versions) this.versions.set(version.versionId, compileDag(version));
    for (const { dagId, taskId, taskNo } of dagTasks) this.taskNosOf(dagId).set(taskId, taskNo);
  }

  /** Makes a new version the DAG's current one. */
  enter(version: DagVersion): void {
    const { versionId, dagId, taskNos } = version;
    this.versions.set(versionId, compileDag(version));
    this.currentVersion.set(dagId, versionId);
    for (const [taskId, taskNo] of Object.entries(taskNos)) this.taskNosOf(dagId).set(taskId, taskNo);
  }

  /** The newest version of a DAG; null: there is none. Throws when it has not been read yet: `unread` says of which. */
  current(dagId: string): CompiledDag | null {
    const versionId = this.currentVersion.get(dagId);
    if (versionId === undefined) return null;
    const dag = this.versions.get(versionId);
    if (!dag) throw new Error(`${dagId}: its newest version has not been read`);
    return dag;
  }

  /** The newest versions of these DAGs that have not been read yet: the shell reads them before anything is decided. */
  unread(dagIds: Iterable<string>): string[] {
    const versionIds = [...new Set(dagIds)].flatMap((dagId) => this.currentVersion.get(dagId) ?? []);
    return versionIds.filter((versionId) => !this.versions.has(versionId));
  }

  /** The version that a run follows. */
  of(run: DagRun): CompiledDag {
    const dag = this.versions.get(run.versionId);
    if (!dag) throw new Error(`run ${run.dagRunId} is of an unknown version ${run.versionId}`);
    return dag;
  }

  taskNosOf(dagId: string): Map<string, number> {
    const known = this.taskNos.get(dagId) ?? new Map<string, number>();
    this.taskNos.set(dagId, known);
    return known;
  }
}
