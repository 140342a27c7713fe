import { readFile, readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { canonicalJson } from "../core/canonical-json.ts";
import type { LoadedDag } from "../core/dag.ts";
import { triggerCycle } from "../core/graph/trigger-cycle.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import { dagFindings } from "./dag-checks.ts";
import { toDagSpec } from "./dag-spec.ts";
import { resolveDependencies } from "./dependencies.ts";
import { flatten } from "./flat-tasks.ts";
import { overlayIds, withLayers } from "./layers.ts";
import type { ReadProjectFile } from "./project-files.ts";
import { namedFiles } from "./project-files.ts";
import { projectReader } from "./project-reader.ts";
import { isPlaceholder, salvage } from "./salvage.ts";
import type { Finding } from "./schema-issues.ts";
import { suggestion } from "./schema-issues.ts";
import { sha256 } from "./sha256.ts";
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
  readonly file: string;
  /** Every DAG of the file, also those with problems. */
  readonly declared: readonly Declared[];
  /** Included files and overlays that its DAGs are made of beside it. */
  readonly layers: readonly string[];
}

export interface DagFile {
  /** As problems show it. */
  readonly file: string;
  readonly text: string;
  readonly operators: readonly OperatorDescriptor[];
  readonly readProjectFile: ReadProjectFile;
  /** Whose overlay counts (overlays/<environment>.yaml beside the file); absent or null: none. */
  readonly environment?: string | null;
}

/** Reads the DAGs of one file's text. Never throws for what stands in the file: problems are values, all of them at once. */
export function readDagFile(given: DagFile): ReadDags {
  return withoutDuplicates([readOne(given)]);
}

interface Project {
  /** Files that a DAG names are found from here, and never outside; file names in problems are relative to it. */
  readonly projectRoot: string;
  readonly operators: readonly OperatorDescriptor[];
  /** Whose overlay counts; absent or null: none. */
  readonly environment?: string | null;
  /** What reads one file below `projectRoot`; absent: `readOne`. */
  readonly readFile?: ReadDagFile | undefined;
  /** Told of all files before the first of them is read. */
  readonly readAhead?: ReadAhead | undefined;
}

/** Reads one file whose names are found from `root`. */
export type ReadDagFile = (given: DagFile, root: string) => ReadFile;

/** Does what makes reading these files faster, which are named from `root`; they may be read whatever comes of it. */
export type ReadAhead = (files: readonly string[], root: string, environment: string | null) => Promise<void>;

/** Reads every .yaml and .yml file of a folder. */
export async function readDagFolder({ folder, ...project }: Project & { readonly folder: string }): Promise<ReadDags> {
  const entries = await readdir(folder, { withFileTypes: true }).catch(() => null);
  if (entries === null) return { dags: [], problems: [unreadable(folder, "no such folder", project.projectRoot)] };
  const names = entries.filter((each) => !each.isDirectory() && /\.ya?ml$/.test(each.name)).map((each) => each.name);
  return read(
    names.sort().map((name) => join(folder, name)),
    project,
    folder,
  );
}

/** Reads the files named. */
export async function readDagFiles({
  files,
  ...project
}: Project & { readonly files: readonly string[] }): Promise<ReadDags> {
  return read(files, project, null);
}

/** `folder`: the files are all of it. */
async function read(paths: readonly string[], project: Project, folder: string | null): Promise<ReadDags> {
  const { projectRoot, operators, environment = null, readFile: readDag = readOne } = project;
  const named = paths.map((path) => ({ path, file: shownPath(path, projectRoot) }));
  await project.readAhead?.(
    named.map(({ file }) => file),
    projectRoot,
    environment,
  );
  const readProjectFile = projectReader(projectRoot);
  const files = await Promise.all(
    named.map(async ({ path, file }): Promise<ReadFile> => {
      const text = await readFile(path, "utf8").catch(() => null);
      if (text !== null) return readDag({ file, text, operators, readProjectFile, environment }, projectRoot);
      const problems = [unreadable(path, "no such file, or it cannot be read", projectRoot)];
      return { file, dags: [], problems, declared: [], layers: [] };
    }),
  );
  const found = withoutDuplicates(files);
  if (folder === null || environment === null) return found;
  const ids = files.flatMap(({ declared }) => declared.map(({ dagId }) => dagId));
  const unknown = (overlayIds(shownPath(folder, projectRoot), environment, readProjectFile) ?? [])
    .filter(({ message }) => !ids.includes(message))
    .map((each) => ({
      ...each,
      message: `${each.message}: no such DAG in this folder`,
      ...suggestion(each.message, ids),
    }));
  return { ...found, problems: [...found.problems, ...unknown] };
}

/** A file's path as problems and versions show it. */
export const shownPath = (path: string, root: string): string => relative(root, path).replaceAll(sep, "/");

function unreadable(path: string, message: string, root: string): DagProblem {
  const file = shownPath(path, root);
  return { code: "DAG_FILE_MISSING", message: `${file}: ${message}`, at: { file, line: 1, column: 1, length: 1 } };
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
    file: given.file,
    layers: read.flatMap((each) => each.layers),
  };
}

function readDocument(own: SourceDocument, given: DagFile): ReadFile {
  const { file, text, operators, readProjectFile, environment = null } = given;
  const { document, problems: layering, files: layers } = withLayers(own, file, environment, readProjectFile);
  const { input, findings: shape, ...salvaged } = salvage(document.value);
  const toProblem = ({ code, path, part, message, didYouMean }: Finding): DagProblem => ({
    code,
    message,
    at: document.place(path, part),
    ...(didYouMean === undefined ? {} : { didYouMean }),
  });
  if (input === null) {
    return { file, dags: [], problems: [...layering, ...shape.map(toProblem)], declared: [], layers };
  }
  const broken = "broken" in salvaged ? salvaged.broken : new Set<string>();
  const flat = flatten(input);
  const dependencies = resolveDependencies(flat);
  const spec = toDagSpec(input, flat, dependencies);
  const { files, findings: missing } = namedFiles(flat, operators, readProjectFile);
  const templates = broken.has("params") ? [] : templateFindings(input, flat, spec, document.value);
  const problems = [
    ...layering,
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
    file,
    layers,
  };
}

/**
 * All files together. A DAG id names one DAG: the first stays, a later one is a problem. A file that others include is no
 * DAG file, and what is wrong with a shared file is told once.
 */
export function withoutDuplicates(files: readonly ReadFile[]): ReadDags {
  const included = new Set(files.flatMap(({ layers }) => layers));
  const read = files.filter(({ file, declared }) => declared.length > 0 || !included.has(file));
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
  const circles = withoutCircles(kept, first);
  const problems = new Map(read.flatMap((each) => each.problems).map((each) => [JSON.stringify(each), each]));
  return { dags: [...kept.values()], problems: [...problems.values(), ...doubled, ...circles] };
}

/** DAGs that trigger one another in a circle would run for ever: of each circle the DAG that is read last is refused. */
function withoutCircles(kept: Map<string, LoadedDag>, places: ReadonlyMap<string, Declared>): DagProblem[] {
  const problems: DagProblem[] = [];
  for (;;) {
    const circle = triggerCycle([...kept.values()].map(({ spec }) => spec));
    if (circle === null) return problems;
    const last = [...kept.keys()].findLast((dagId) => circle.includes(dagId)) ?? "";
    kept.delete(last);
    const at = places.get(last)?.at;
    const message = `${circle.join(" -> ")}: these DAGs trigger one another`;
    if (at) problems.push({ code: "DAG_CYCLE", message, at });
  }
}

const byPlace = (a: DagProblem, b: DagProblem): number => a.at.line - b.at.line || a.at.column - b.at.column;
