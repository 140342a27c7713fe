import { posix } from "node:path";
import type { ReadProjectFile } from "./project-files.ts";
import { at, invalid } from "./schema-issues.ts";
import type { DagProblem, Path, SourceDocument } from "./yaml-document.ts";
import { parseDocuments } from "./yaml-document.ts";

/** A DAG's content with what its include says beneath and its environment's overlay above; places lead into each file. */
export interface Layered {
  readonly document: SourceDocument;
  readonly problems: readonly DagProblem[];
  /** The project's files that went into it, also those that are missing: a change of one may change the DAG. */
  readonly files: readonly string[];
}

/** What each DAG has for itself. */
const OWN_KEYS = ["dag", "include", "tasks", "groups"];

/** `environment`: whose overlay counts; null: none. `file`: the DAG's own, as problems show it. */
export function withLayers(
  own: SourceDocument,
  file: string,
  environment: string | null,
  read: ReadProjectFile,
): Layered {
  const layers = [own];
  const problems: DagProblem[] = [];
  const files: string[] = [];
  const include = at(own.value, ["include"]);
  if (typeof include === "string") {
    const path = posix.join(posix.dirname(file), include);
    const found = readLayer(path, read);
    files.push(path);
    if (found === null) {
      const message = `${include}: no such file in the project`;
      problems.push({ code: "DAG_FILE_MISSING", message, at: own.place(["include"], "value") });
    } else {
      const refused = OWN_KEYS.filter((key) => at(found.document?.value, [key]) !== undefined);
      problems.push(...found.problems, ...refused.map((key) => ownKey(found.document, key)));
      if (found.document !== null) layers.push(without(found.document, OWN_KEYS));
    }
  }
  const dagId = at(own.value, ["dag"]);
  if (environment !== null && typeof dagId === "string") {
    const path = overlayPath(posix.dirname(file), environment);
    const found = readLayer(path, read);
    files.push(path);
    if (found === null) problems.push(missingOverlay(path));
    else {
      problems.push(...found.problems);
      const section = found.document === null ? null : sectionOf(found.document, dagId);
      if (section !== null) {
        const refused = ["dag", "include"].filter((key) => at(section.value, [key]) !== undefined);
        problems.push(...refused.map((key) => ownKey(section, key)));
        layers.unshift(without(section, ["dag", "include"]));
      }
    }
  }
  return { document: layers.length === 1 ? own : joined(layers), problems, files };
}

/** Where an environment's overlay is, beside the DAG files of `folder`. */
const overlayPath = (folder: string, environment: string): string =>
  posix.join(folder, "overlays", `${environment}.yaml`);

/** The DAG ids that an overlay speaks of and where; null: there is no overlay to read. */
export function overlayIds(folder: string, environment: string, read: ReadProjectFile): Layered["problems"] | null {
  const document = readLayer(overlayPath(folder, environment), read)?.document ?? null;
  if (document === null) return null;
  return Object.keys(document.value as object).map((dagId) => ({
    code: "DAG_NOT_FOUND",
    message: dagId,
    at: document.place([dagId], "key"),
  }));
}

const missingOverlay = (path: string): DagProblem => ({
  code: "DAG_FILE_MISSING",
  message: `${path}: this environment (NOCTURNE_ENV) has no overlay`,
  at: { file: path, line: 1, column: 1, length: 1 },
});

function ownKey(document: SourceDocument | null, key: string): DagProblem {
  const { code, message } = invalid([key], `${key}: it belongs into the DAG's own file`, "key");
  return { code, message, at: document!.place([key], "key") };
}

/** A file's one map; without a document its problems say why. */
interface Layer {
  readonly document: SourceDocument | null;
  readonly problems: readonly DagProblem[];
}

/** By the file's bytes as read: an overlay has a section for every DAG, and each of them asks for it. */
const parsed = new WeakMap<Uint8Array, Map<string, Layer>>();

/** null: there is no such file. */
function readLayer(path: string, read: ReadProjectFile): Layer | null {
  const bytes = read(path);
  if (bytes === null) return null;
  const byPath = parsed.get(bytes) ?? new Map<string, Layer>();
  const layer = byPath.get(path) ?? parseLayer(path, bytes);
  parsed.set(bytes, byPath.set(path, layer));
  return layer;
}

function parseLayer(path: string, bytes: Uint8Array): Layer {
  const { documents, problems } = parseDocuments(path, new TextDecoder().decode(bytes));
  const [document, second] = documents;
  const isMap = typeof document?.value === "object" && document.value !== null && !Array.isArray(document.value);
  if (document !== undefined && isMap && second === undefined) return { document, problems };
  const place = second?.place([], "value") ?? { file: path, line: 1, column: 1, length: 1 };
  const message = second === undefined ? "expected a map of keys" : "expected one document, without ---";
  return { document: null, problems: problems.length > 0 ? problems : [{ code: "DAG_YAML", message, at: place }] };
}

function without(document: SourceDocument, keys: readonly string[]): SourceDocument {
  const left = Object.entries(document.value as object).filter(([key]) => !keys.includes(key));
  return { ...document, value: Object.fromEntries(left) };
}

/** What stands under a key, as a document of its own. */
function sectionOf(document: SourceDocument, key: string): SourceDocument | null {
  const value = at(document.value, [key]);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  return {
    value,
    depth: (path) => Math.max(0, document.depth([key, ...path]) - 1),
    place: (path, part) => document.place([key, ...path], part),
    placeInText: (path, offset, length) => document.placeInText([key, ...path], offset, length),
  };
}

/** Maps are joined key by key, all the way down; anything else of a higher layer stands for what lies beneath. */
function joined(layers: readonly SourceDocument[]): SourceDocument {
  const nearest = (path: Path): SourceDocument =>
    layers.reduce((best, each) => (each.depth(path) > best.depth(path) ? each : best));
  return {
    value: [...layers].reverse().reduce<unknown>((beneath, { value }) => merged(beneath, value), {}),
    depth: (path) => nearest(path).depth(path),
    place: (path, part) => nearest(path).place(path, part),
    placeInText: (path, offset, length) => nearest(path).placeInText(path, offset, length),
  };
}

function merged(beneath: unknown, above: unknown): unknown {
  if (!isMap(beneath) || !isMap(above)) return above;
  const result = new Map(Object.entries(beneath));
  for (const [key, value] of Object.entries(above)) {
    // null takes away what lies beneath.
    if (value === null && result.has(key)) result.delete(key);
    else result.set(key, result.has(key) ? merged(result.get(key), value) : value);
  }
  return Object.fromEntries(result);
}

const isMap = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
