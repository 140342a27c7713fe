import { dagSchema } from "./schema.ts";
import type { DagInput } from "./schema.ts";
import type { Finding } from "./schema-issues.ts";
import { at, findingsOf } from "./schema-issues.ts";
import type { Path } from "./yaml-document.ts";

export interface Salvaged {
  /** The file's content; where it was wrong, without the wrong keys. */
  readonly input: DagInput;
  readonly findings: readonly Finding[];
  /** Top-level keys that lost something: what depends on them is not worth checking. */
  readonly broken: ReadonlySet<string>;
}

const NAMELESS = "-";

/**
 * Checks the shape of a DAG, and goes on with what is left when something is wrong, so that one slip does not hide the
 * mistakes behind it. null when nothing is left to go on with.
 */
export function salvage(value: unknown): Salvaged | { readonly input: null; readonly findings: readonly Finding[] } {
  const first = dagSchema.safeParse(value);
  if (first.success) return { input: first.data, findings: [], broken: new Set() };
  const findings = findingsOf(first.error.issues, dagSchema, value).map(mappedGroup);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { input: null, findings };
  const left = structuredClone(value) as Record<string, unknown>;
  for (const finding of findings) remove(left, finding);
  const second = dagSchema.safeParse(left);
  if (!second.success) return { input: null, findings };
  const lost = findings.filter(({ code }) => code !== "DAG_UNKNOWN_KEY").flatMap(({ path }) => lostKey(path));
  return { input: second.data, findings, broken: new Set(lost) };
}

/** A mapped group is what people look for in vain: its message says what there is instead. */
function mappedGroup(finding: Finding): Finding {
  const isGroupKey = finding.path.at(-3) === "groups" && finding.path.at(-1) === "for_each";
  if (finding.code !== "DAG_UNKNOWN_KEY" || !isGroupKey) return finding;
  return { ...finding, message: "for_each: a group cannot be mapped; write it at the tasks of the group" };
}

/** What else may be wrong only because of what was taken away. A group's defaults are as good as the DAG's. */
function lostKey([top, ...below]: Path): string[] {
  if (top === "tasks") return [];
  if (top === "groups") return below.includes("defaults") ? ["defaults"] : [];
  return [String(top)];
}

/** Takes away the smallest thing that can be left out: an unknown key, a task's or a group's key, or a top-level key. */
function remove(left: Record<string, unknown>, { code, path }: Finding): void {
  if (code === "DAG_UNKNOWN_KEY") return deleteAt(left, path);
  if (path[0] === "dag") return setAt(left, path.slice(0, 1), NAMELESS);
  let depth = 0;
  while (path[depth] === "groups" && path.length > depth + 2) depth += 2;
  const [holder, id, key] = path.slice(depth);
  if (holder !== "tasks" && holder !== "groups") return deleteAt(left, path.slice(0, depth + 1));
  const nothing = { operator: NAMELESS };
  const whole = holder === "tasks" ? nothing : { tasks: { [NAMELESS]: nothing } };
  if (id === undefined) setAt(left, path.slice(0, depth + 1), { [NAMELESS]: whole });
  else if (key === undefined) setAt(left, path.slice(0, depth + 2), whole);
  else if (key === "operator") setAt(left, path.slice(0, depth + 3), NAMELESS);
  else deleteAt(left, path.slice(0, depth + 3));
}

function setAt(root: Record<string, unknown>, path: Path, value: unknown): void {
  const parent = at(root, path.slice(0, -1));
  if (typeof parent === "object" && parent !== null) (parent as Record<string, unknown>)[String(path.at(-1))] = value;
}

function deleteAt(root: Record<string, unknown>, path: Path): void {
  const parent = at(root, path.slice(0, -1));
  if (typeof parent === "object" && parent !== null) delete (parent as Record<string, unknown>)[String(path.at(-1))];
}

/** Whether a name was put in by `salvage` for one that is missing or wrong: its problem has been said. */
export const isPlaceholder = (name: string): boolean => name === NAMELESS;
