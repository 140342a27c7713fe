import { readFile, readdir } from "node:fs/promises";
import { readFileSync, realpathSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import type { LoadedDag } from "../core/dag.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import { canonicalJson, sha256 } from "./canonical-json.ts";
import { dagFindings } from "./dag-checks.ts";
import { toDagSpec } from "./dag-spec.ts";
import { resolveDependencies } from "./dependencies.ts";
import { flatten } from "./flat-tasks.ts";
import type { ReadProjectFile } from "./project-files.ts";
import { namedFiles } from "./project-files.ts";
import { isPlaceholder, salvage } from "./salvage.ts";
import type { Finding } from "./schema-issues.ts";
import { templateFindings } from "./template-checks.ts";
import type { DagProblem, SourceDocument } from "./yaml-document.ts";
import { parseDocuments } from "./yaml-document.ts";

/** What reading DAG files gives: the DAGs without problems, and all problems of the others. */
export interface ReadDags {
  readonly dags: LoadedDag[];
  readonly problems: DagProblem[];
}

/** A DAG id and where it stands. */
interface Declared {
  readonly dagId: string;
  readonly at: DagProblem["at"];
}

/** What one file gives, with the ids it claims. */
export interface ReadFile extends ReadDags {
  /** Every DAG of the file, also those with problems. */
  readonly declared: readonly Declared[];
}

export interface DagFile {
  /** As problems show it. */
  readonly file: string;
  readonly text: string;
  readonly operators: readonly OperatorDescriptor[];
  readonly readProjectFile: ReadProjectFile;
}

/** Reads the DAGs of one file's text. Never throws for what stands in the file: problems are values, all of them at once. */
export function readDagFile(given: DagFile): ReadDags {
  return withoutDuplicates([readOne(given)]);
}

interface Project {
  /** Files that a DAG names are found from here, and never outside; file names in problems are relative to it. */
  readonly projectRoot: string;
  readonly operators: readonly OperatorDescriptor[];
}

/** Reads every .yaml and .yml file of a folder. */
export async function readDagFolder({ folder, ...project }: Project & { readonly folder: string }): Promise<ReadDags> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
  if (entries === null) return { dags: [], problems: [unreadable(folder, "no such folder", project.projectRoot)] };
  const names = entries.filter((each) => !each.isDirectory() && /\.ya?ml$/.test(each.name)).map((each) => each.name);
  return readDagFiles({ files: names.sort().map((name) => join(folder, name)), ...project });
}

/** Reads the files named. */
export async function readDagFiles({
  files,
  projectRoot,
  operators,
}: Project & { readonly files: readonly string[] }): Promise<ReadDags> {
  const readProjectFile = projectReader(projectRoot);
  const read = await Promise.all(
    files.map(async (path): Promise<ReadFile> => {
      const text = await readFile(path, "utf8").catch(() => null);
      if (text === null) {
        return {
          dags: [],
          problems: [unreadable(path, "no such file, or it cannot be read", projectRoot)],
          declared: [],
        };
      }
      return readOne({ file: shownPath(path, projectRoot), text, operators, readProjectFile });
    }),
  );
  return withoutDuplicates(read);
}

/** A file's path as problems and versions show it. */
export const shownPath = (path: string, root: string): string => relative(root, path).replaceAll(sep, "/");

function unreadable(path: string, message: string, root: string): DagProblem {
  const file = shownPath(path, root);
  return { code: "DAG_FILE_MISSING", message: `${file}: ${message}`, at: { file, line: 1, column: 1, length: 1 } };
}

/** Reads files below `root`; null for one that is missing, is a folder or lies outside, by link or by "..". */
export function projectReader(root: string): ReadProjectFile {
  return (path) => {
    try {
      const real = realpathSync(join(root, path));
      const inside = relative(realpathSync(root), real);
      return isAbsolute(path) || inside.startsWith("..") || isAbsolute(inside) ? null : readFileSync(real);
    } catch {
      return null;
    }
  };
}

/** One file of a folder; ids that other files claim too are for `withoutDuplicates`. */
export function readOne(given: DagFile): ReadFile {
  const { documents, problems } = parseDocuments(given.file, given.text);
  if (documents.length === 0 && problems.length === 0) {
    const at = { file: given.file, line: 1, column: 1, length: 1 };
    problems.push({ code: "DAG_YAML", message: "this file holds no DAG", at });
  }
  const read = documents.map((document) => readDocument(document, given));
  return {
    // What YAML itself complains of may have changed any of the file's DAGs.
    dags: problems.length > 0 ? [] : read.flatMap((each) => each.dags),
    problems: [...problems, ...read.flatMap((each) => each.problems)].sort(byPlace),
    declared: read.flatMap((each) => each.declared),
  };
}

function readDocument(document: SourceDocument, { file, text, operators, readProjectFile }: DagFile): ReadFile {
  const { input, findings: shape, ...salvaged } = salvage(document.value);
  const toProblem = ({ code, path, part, message, didYouMean }: Finding): DagProblem => ({
    code,
    message,
    at: document.place(path, part),
    ...(didYouMean === undefined ? {} : { didYouMean }),
  });
  if (input === null) return { dags: [], problems: shape.map(toProblem), declared: [] };
  const broken = "broken" in salvaged ? salvaged.broken : new Set<string>();
  const flat = flatten(input);
  const dependencies = resolveDependencies(flat);
  const spec = toDagSpec(input, flat, dependencies);
  const { files, findings: missing } = namedFiles(flat, operators, readProjectFile);
  const templates = broken.has("params") ? [] : templateFindings(input, flat, spec, document.value);
  const problems = [
    ...[...shape, ...dagFindings(input, flat, dependencies, spec, operators, broken), ...missing].map(toProblem),
    ...templates.map(({ path, offset, length, ...mistake }): DagProblem => {
      return { code: "DAG_TEMPLATE", ...mistake, at: document.placeInText(path, offset, length) };
    }),
  ];
  const versionHash = sha256(canonicalJson({ spec, files: files.map(({ path, sha256 }) => ({ path, sha256 })) }));
  return {
    dags: problems.length > 0 ? [] : [{ spec, versionHash, source: { file, text }, files }],
    problems,
    declared: isPlaceholder(input.dag) ? [] : [{ dagId: input.dag, at: document.place(["dag"], "value") }],
  };
}

/** A DAG id names one DAG: of all files' the first stays, a later one is a problem. */
export function withoutDuplicates(read: readonly ReadFile[]): ReadDags {
  const first = new Map<string, Declared>();
  const doubled: DagProblem[] = [];
  for (const each of read.flatMap(({ declared }) => declared)) {
    const other = first.get(each.dagId);
    if (other === undefined) first.set(each.dagId, each);
    else {
      const message = `${each.dagId}: this DAG is already at ${other.at.file}:${other.at.line}`;
      doubled.push({ code: "DAG_DUPLICATE_ID", message, at: each.at });
    }
  }
  const kept = new Map<string, LoadedDag>();
  for (const dag of read.flatMap(({ dags }) => dags)) if (!kept.has(dag.spec.dagId)) kept.set(dag.spec.dagId, dag);
  return { dags: [...kept.values()], problems: [...read.flatMap(({ problems }) => problems), ...doubled] };
}

const byPlace = (a: DagProblem, b: DagProblem): number => a.at.line - b.at.line || a.at.column - b.at.column;
