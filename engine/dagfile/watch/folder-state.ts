import type { LoadedDag } from "../../core/dag.ts";
import type { ReadFile } from "../read.ts";
import { withoutDuplicates } from "../read.ts";
import type { DagProblem } from "../yaml-document.ts";

/** What one DAG file has given so far. */
export interface KnownFile {
  /** As the newest read that counts found it; of a broken file its problems. */
  readonly read: ReadFile;
  /** The DAGs that go on: the newest read's, and for a broken file those of the last sound one that it lacks. */
  readonly dags: readonly LoadedDag[];
}

/** A look at the folder: the stamp of every file there, which changes when the file or one that its DAGs name does. */
export type Look = ReadonlyMap<string, string>;

/**
 * The files whose change has settled: two looks in a row saw the same, and it is not what was read. An editor that writes
 * in several steps, or moves the file away and back, is thereby waited for. A file that has gone settles the same way.
 */
export function settledChanges(taken: Look, before: Look, now: Look): string[] {
  const files = new Set([...taken.keys(), ...now.keys()]);
  return [...files].filter((file) => now.get(file) !== taken.get(file) && now.get(file) === before.get(file)).sort();
}

/** Whether another look is worth while soon: something differs from what was read. */
export function isUnsettled(taken: Look, now: Look): boolean {
  return now.size !== taken.size || [...now].some(([file, stamp]) => taken.get(file) !== stamp);
}

/** A read that counts: a broken file keeps the DAGs of its last sound version, one that YAML can still tell apart renews its sound ones. */
export function takeRead(before: KnownFile | undefined, read: ReadFile): KnownFile {
  if (read.problems.length === 0) return { read, dags: read.dags };
  const renewed = new Set(read.dags.map(({ spec }) => spec.dagId));
  const kept = (before?.dags ?? []).filter(({ spec }) => !renewed.has(spec.dagId));
  return { read, dags: [...read.dags, ...kept] };
}

/** Two reads of a file whose problems are the same say the same. */
export const problemsText = (problems: readonly DagProblem[]): string => JSON.stringify(problems);

/** The folder as it counts now: every DAG that goes on, in the order of the files, and every problem. */
export function folderDags(files: ReadonlyMap<string, KnownFile>): {
  readonly dags: readonly LoadedDag[];
  readonly problems: readonly DagProblem[];
} {
  const inOrder = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, file]) => file);
  return withoutDuplicates(inOrder.map(({ read, dags }) => ({ ...read, dags: [...dags] })));
}

/**
 * The ids among `known` whose DAG is gone: its file is no more, or reads well and has no such DAG. `unsure` are the files
 * that are broken or not read yet, whose DAGs may be there; null: the folder cannot be listed, and nothing is known of any.
 */
export function goneDags(
  known: readonly { readonly dagId: string; readonly file: string }[],
  dags: readonly LoadedDag[],
  unsure: ReadonlySet<string> | null,
): string[] {
  if (unsure === null) return [];
  const present = new Set(dags.map(({ spec }) => spec.dagId));
  return known.filter(({ dagId, file }) => !present.has(dagId) && !unsure.has(file)).map(({ dagId }) => dagId);
}

/** The files of a look that are broken or not read yet. */
export function unsureFiles(look: Look, files: ReadonlyMap<string, KnownFile>): Set<string> {
  return new Set([...look.keys()].filter((file) => files.get(file)?.read.problems.length !== 0));
}
