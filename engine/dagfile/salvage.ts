import { dagSchema } from "./schema.ts";
import type { DagInput } from "./schema.ts";
import type { Finding } from "./schema-issues.ts";
import { findingsOf } from "./schema-issues.ts";
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
  const findings = findingsOf(first.error.issues, dagSchema, value);
  if (typeof value !== "object" || value === null || Array.isArray(value)) return { input: null, findings };
  const left = structuredClone(value) as Record<string, unknown>;
  for (const finding of findings) remove(left, finding);
  const second = dagSchema.safeParse(left);
  if (!second.success) return { input: null, findings };
  const lost = findings.filter(({ code, path }) => code !== "DAG_UNKNOWN_KEY" && path[0] !== "tasks");
  return { input: second.data, findings, broken: new Set(lost.map(({ path }) => String(path[0]))) };
}

/** Takes away the smallest thing that can be left out: an unknown key, a task's key, or a top-level key. */
function remove(left: Record<string, unknown>, { code, path }: Finding): void {
  const [top, taskId, key] = path;
  if (code === "DAG_UNKNOWN_KEY") return deleteAt(left, path);
  if (top === "dag") left["dag"] = NAMELESS;
  else if (top !== "tasks") deleteAt(left, path.slice(0, 1));
  else if (taskId === undefined) left["tasks"] = { [NAMELESS]: { operator: NAMELESS } };
  else if (key === undefined) (left["tasks"] as Record<string, unknown>)[taskId] = { operator: NAMELESS };
  else if (key === "operator")
    (left["tasks"] as Record<string, Record<string, unknown>>)[taskId]!["operator"] = NAMELESS;
  else deleteAt(left, path.slice(0, 3));
}

function deleteAt(root: Record<string, unknown>, path: Path): void {
  let parent: unknown = root;
  for (const segment of path.slice(0, -1)) parent = (parent as Record<string | number, unknown> | undefined)?.[segment];
  const key = path.at(-1);
  if (typeof parent === "object" && parent !== null && key !== undefined) {
    delete (parent as Record<string | number, unknown>)[key];
  }
}

/** Whether a name was put in by `salvage` for one that is missing or wrong: its problem has been said. */
export const isPlaceholder = (name: string): boolean => name === NAMELESS;
