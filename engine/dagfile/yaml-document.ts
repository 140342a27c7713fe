import type { Document, Node, ParsedNode } from "yaml";
import {
  LineCounter,
  Scalar,
  isAlias,
  isCollection,
  isMap,
  isNode,
  isPair,
  isScalar,
  isSeq,
  parseAllDocuments,
  visit,
} from "yaml";
import type { Problem } from "../core/errors.ts";
import { valueOffset } from "./scalar-offset.ts";

export type Path = readonly (string | number)[];

/** A problem in a DAG file: always with its place. */
export type DagProblem = Problem & { readonly at: Required<NonNullable<Problem["at"]>> };

/** One document of a file, as plain data with a way back to its places. */
export interface SourceDocument {
  readonly value: unknown;
  /** How many segments of the path lead somewhere. */
  depth(path: Path): number;
  /** The place of a value, or of its key; of the nearest enclosing one when the path leads nowhere. */
  place(path: Path, part: "key" | "value"): DagProblem["at"];
  /** The place of `length` characters at `offset` within a string value. */
  placeInText(path: Path, offset: number, length: number): DagProblem["at"];
}

/** Parses every document of a file. A document that is broken as YAML is left out; its problems say why. */
export function parseDocuments(file: string, source: string): { documents: SourceDocument[]; problems: DagProblem[] } {
  const lines = new LineCounter();
  // The library compares each key with all before it: 40,000 tasks would hold up the writer for half a minute.
  const parsed = [...parseAllDocuments(source, { lineCounter: lines, prettyErrors: false, uniqueKeys: false })];
  const place = (from: number, to: number): DagProblem["at"] => {
    const { line, col } = lines.linePos(from);
    const endOfLine = source.indexOf("\n", from);
    const end = Math.min(to, endOfLine < 0 ? source.length : endOfLine);
    return { file, line, column: col, length: Math.max(1, end - from) };
  };
  const problems: DagProblem[] = [];
  const report = (message: string, [from, to]: readonly [number, number]): void => {
    const at = place(from, to);
    // One slip in YAML often raises several errors on its line: the first says it best.
    if (!problems.some((each) => each.at.line === at.line)) problems.push({ code: "DAG_YAML", message, at });
  };
  const documents = parsed
    .filter((document) => parsed.length === 1 || document.contents !== null || document.errors.length > 0)
    .flatMap((document): SourceDocument[] => {
      if (reportMistakes(document, source, report)) return [];
      let value: unknown;
      try {
        value = document.toJS();
      } catch (error) {
        // Aliases of aliases that grow beyond measure.
        report((error as Error).message, [0, 1]);
        return [];
      }
      return [{ value, ...places(document, source, place) }];
    });
  return { documents, problems };
}

type Report = (message: string, range: readonly [number, number]) => void;

/** Reports everything that YAML allows or forbids and a DAG file must not say; true when the tree cannot be relied on. */
function reportMistakes(document: Document.Parsed, source: string, report: Report): boolean {
  const unusable = reportErrors(document, source, report);
  if (isPlain(document.contents)) return unusable;
  reportDuplicates(document, report);
  repairUnquotedTemplates(document, source, report);
  return unusable || reportAliases(document, report);
}

/** Nothing but text and numbers, lists, and maps whose keys are each there once: as most files are, which need no closer look. */
function isPlain(node: unknown): boolean {
  if (node === null || isScalar(node)) return true;
  if (isSeq(node)) return node.items.every(isPlain);
  if (!isMap(node)) return false;
  const keys = new Set<unknown>();
  return node.items.every(({ key, value }) => {
    if (!isScalar(key) || keys.has(key.value)) return false;
    keys.add(key.value);
    return isPlain(value);
  });
}

/** Reports what the parser found; true when the tree cannot be relied on. */
function reportErrors(document: Document.Parsed, source: string, report: Report): boolean {
  for (const error of document.errors) {
    const line = source.slice(source.lastIndexOf("\n", error.pos[0] - 1) + 1).split("\n", 1)[0] ?? "";
    const unquoted = /(?:^|[:\-[,])\s*(\{[{%])/.exec(line);
    if (unquoted === null) report(error.message, error.pos);
    else report('a template must be quoted, or YAML reads it as a map: write "{{ … }}"', error.pos);
  }
  for (const warning of document.warnings) report(warning.message, warning.pos);
  return document.errors.length > 0;
}

/** Reports the keys that a map has twice. */
function reportDuplicates(document: Document.Parsed, report: Report): void {
  visit(document, {
    Map(_, { items }) {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        if (!isScalar(key)) continue;
        if (seen.has(key.value)) report(`${String(key.value)}: this key is here twice`, rangeOf(key));
        seen.add(key.value);
      }
    },
  });
}

/** To YAML, an unquoted {{ ds }} is a map with a map as its key. Says so, then goes on as if it were quoted. */
function repairUnquotedTemplates(document: Document.Parsed, source: string, report: Report): void {
  const asWritten = (node: Node): Scalar => {
    const scalar = new Scalar(source.slice(...rangeOf(node)));
    if (node.range) scalar.range = node.range;
    return scalar;
  };
  visit(document, {
    Map(_, node) {
      const [only, ...others] = node.items;
      if (!node.flow || others.length > 0 || !only || !isMap(only.key) || !only.key.flow) return undefined;
      const scalar = asWritten(node);
      report(`quote it, or YAML reads it as a map: "${String(scalar.value)}"`, rangeOf(node));
      return scalar;
    },
    Pair(_, pair) {
      if (!isCollection(pair.key) || (isMap(pair.key) && pair.key.flow)) return undefined;
      report("a key must be text", rangeOf(pair.key));
      pair.key = asWritten(pair.key);
      return undefined;
    },
  });
}

/** Reports aliases that lead nowhere or into themselves; true when there are any. */
function reportAliases(document: Document.Parsed, report: Report): boolean {
  let found = false;
  visit(document, {
    Alias(_, node, ancestors) {
      const target = node.resolve(document);
      if (target !== undefined && !ancestors.includes(target)) return;
      found = true;
      report(
        target === undefined ? `*${node.source}: no anchor of this name before it` : `*${node.source} contains itself`,
        [node.range?.[0] ?? 0, node.range?.[1] ?? 0],
      );
    },
  });
  return found;
}

function rangeOf(node: unknown): [number, number] {
  const range = isNode(node) ? node.range : null;
  return range ? [range[0], range[1]] : [0, 1];
}

function places(
  document: Document.Parsed<ParsedNode>,
  source: string,
  place: (from: number, to: number) => DagProblem["at"],
): Omit<SourceDocument, "value"> {
  const resolved = (node: unknown): unknown => (isAlias(node) ? node.resolve(document) : node);
  const find = (path: Path): { key: unknown; value: unknown; whole: boolean; depth: number } => {
    let [key, value]: unknown[] = [document.contents, document.contents];
    for (const [depth, segment] of path.entries()) {
      const container = resolved(value);
      const pair = isMap(container)
        ? container.items.findLast((each) => isScalar(each.key) && String(each.key.value) === String(segment))
        : undefined;
      const item = isSeq(container) ? container.items[Number(segment)] : undefined;
      if (pair === undefined && item === undefined) return { key, value, whole: false, depth };
      [key, value] = isPair(pair) ? [pair.key, pair.value ?? pair.key] : [item, item];
    }
    return { key, value, whole: true, depth: path.length };
  };
  return {
    depth: (path) => find(path).depth,
    place(path, part) {
      const { key, value, whole } = find(path);
      // A whole map or list is too much to underline: its key says where it is.
      return place(...rangeOf(part === "value" && whole && !isCollection(value) ? value : key));
    },
    placeInText(path, offset, length) {
      const node = resolved(find(path).value);
      const [from, to] = rangeOf(node);
      if (!isScalar(node) || typeof node.value !== "string") return place(from, to);
      const start = from + valueOffset(source.slice(from, to), node.value, offset);
      return place(start, start + length);
    },
  };
}
