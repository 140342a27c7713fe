import { readdir } from "node:fs/promises";
import { dirname, join, relative, resolve, sep } from "node:path";
import type { Config } from "../config.ts";
import type { LoadedDag } from "../core/dag.ts";
import { NocturneError, type Problem } from "../core/errors.ts";
import { nearest } from "../core/similar.ts";
import { readDagFiles, readDagFolder } from "../dagfile/read.ts";
import { cachedReading } from "./dag-cache.ts";
import type { Session } from "./session.ts";

/** Sound DAGs and the problems of the others; places of problems are relative to where one stands. */
export interface FoundDags {
  readonly dags: readonly LoadedDag[];
  readonly problems: readonly Problem[];
}

/** Reads the folder of DAGs. Files that DAGs name are found from the folder above it: the project's. */
export async function readDags(session: Session, config: Config): Promise<FoundDags> {
  const projectRoot = dirname(config.dagsFolder);
  const operators = await session.app.operators();
  const found = await readDagFolder({
    folder: config.dagsFolder,
    projectRoot,
    operators,
    environment: config.environment,
    ...cachedReading(config.home),
  });
  return { dags: found.dags, problems: placed(found.problems, projectRoot, session.cwd) };
}

/** Reads the files named, and every DAG file of the folders named; one outside the project is taken for <its project>/<a folder of DAGs>/<file>. */
export async function readNamedDags(session: Session, config: Config, files: readonly string[]): Promise<FoundDags> {
  const operators = await session.app.operators();
  const project = dirname(config.dagsFolder);
  const reading = cachedReading(config.home);
  const byRoot = new Map<string, string[]>();
  for (const file of (await Promise.all(files.map((each) => filesOf(resolve(session.cwd, each))))).flat()) {
    const root = file.startsWith(project + sep) ? project : dirname(dirname(file));
    byRoot.set(root, [...(byRoot.get(root) ?? []), file]);
  }
  const found = await Promise.all(
    [...byRoot].map(async ([projectRoot, paths]) => {
      const read = await readDagFiles({
        files: paths,
        projectRoot,
        operators,
        environment: config.environment,
        ...reading,
      });
      return { dags: read.dags, problems: placed(read.problems, projectRoot, session.cwd) };
    }),
  );
  return { dags: found.flatMap(({ dags }) => dags), problems: found.flatMap(({ problems }) => problems) };
}

async function filesOf(path: string): Promise<string[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch(() => null);
  if (entries === null) return [path];
  const names = entries.filter((each) => !each.isDirectory() && /\.ya?ml$/.test(each.name)).map((each) => each.name);
  return names.sort().map((name) => join(path, name));
}

/** The DAG of this id. Throws the problems of the folder's files, or DAG_NOT_FOUND. */
export async function findDag(session: Session, config: Config, dagId: string): Promise<LoadedDag> {
  const { dags, problems } = await readDags(session, config);
  const found = dags.find(({ spec }) => spec.dagId === dagId);
  if (found !== undefined) return found;
  if (problems.length > 0) throw new NocturneError(problems);
  const ids = dags.map(({ spec }) => spec.dagId);
  const near = nearest(dagId, ids);
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  throw new NocturneError({ code: "DAG_NOT_FOUND", message: `${dagId}: no such DAG in ${config.dagsFolder}${hint}` });
}

/** Problems as they are shown where one stands. */
export function placed(problems: readonly Problem[], root: string, cwd: string): Problem[] {
  return problems.map((problem) =>
    problem.at === undefined
      ? problem
      : { ...problem, at: { ...problem.at, file: relative(cwd, resolve(root, problem.at.file)) } },
  );
}
