import type { Problem } from "../../core/errors.ts";
import type { FolderNews } from "../../dagfile/watch/watch-folder.ts";

/** What one news of the folder says that the one before did not. `problems` are shown with their place, `lines` as they are. */
export function folderLines(
  before: FolderNews | null,
  now: FolderNews,
): { readonly problems: readonly Problem[]; readonly lines: readonly string[] } {
  const told = new Set((before?.problems ?? []).map(textOf));
  const problems = now.problems.filter((problem) => !told.has(textOf(problem)));
  if (before === null) return { problems, lines: [] };
  const broken = filesOf(now);
  const versions = new Map(before.dags.map(({ spec, versionHash }) => [spec.dagId, versionHash]));
  const changed = now.dags
    .filter(({ spec, versionHash }) => versions.get(spec.dagId) !== versionHash)
    .map(({ spec, source }) => `${source.file}: ${spec.dagId} ${versions.has(spec.dagId) ? "changed" : "is new"}`);
  return {
    problems,
    lines: [
      ...[...filesOf(before)].filter((file) => !broken.has(file)).map((file) => `${file}: no problems any more`),
      ...changed,
      ...now.gone.map((dagId) => `${dagId}: its file is gone; nothing new is planned, active runs finish`),
    ],
  };
}

/** The problems by file, as they are stored. */
export function problemsByFile(problems: readonly Problem[]): { file: string; problems: Problem[] }[] {
  const files = new Map<string, Problem[]>();
  for (const problem of problems) {
    const file = problem.at?.file ?? "";
    files.set(file, [...(files.get(file) ?? []), problem]);
  }
  return [...files].map(([file, found]) => ({ file, problems: found }));
}

const textOf = (problem: Problem): string => JSON.stringify(problem);
const filesOf = ({ problems }: FolderNews): Set<string> => new Set(problems.map(({ at }) => at.file));
