import type { DagSpec, TaskSpec } from "../core/dag.ts";
import { ancestorsOf } from "../core/graph/dag-graph.ts";
import type { FlatDag } from "./flat-tasks.ts";
import { outOfScope } from "./reference-checks.ts";
import type { DagInput } from "./schema.ts";
import { at } from "./schema-issues.ts";
import { isTemplated } from "./template.ts";
import type { KnownNames, TemplateFinding } from "./template-names.ts";
import { checkTemplate } from "./template-names.ts";
import type { Path } from "./yaml-document.ts";

/** A mistake in a template, and the text it stands in. */
export interface PlacedTemplateFinding extends TemplateFinding {
  readonly path: Path;
}

/** Every name in the DAG's templates that will not be there. `written` is the file's content as it stands. */
export function templateFindings(
  input: DagInput,
  { tasks }: FlatDag,
  spec: DagSpec,
  written: unknown,
): PlacedTemplateFinding[] {
  const names = { params: Object.keys(spec.params), tasks: spec.tasks.map(({ taskId }) => taskId) };
  const check = (value: unknown, path: Path, known: KnownNames): PlacedTemplateFinding[] =>
    templatesIn(value, path).flatMap(({ text, ...place }) =>
      checkTemplate(text, known).map((finding) => ({ ...finding, ...place })),
    );
  // Either form of a key: its text alone, or within a map.
  const within = (path: Path, key: string): Path => (at(written, [...path, key]) === undefined ? path : [...path, key]);

  const ofRun: KnownNames = { ...names, scope: "run", groupId: null, unreadable: () => null };
  const keyPath = within(["concurrency_key"], "key");
  return [
    ...check(input.concurrency_key?.key, keyPath, ofRun),
    ...tasks.flatMap(({ task, path, groupId }, index) => {
      const unreadable = readability(spec, spec.tasks[index]);
      const known: KnownNames = { ...names, groupId, unreadable, scope: "task" };
      const ofInstance: KnownNames = { ...known, scope: task.for_each === undefined ? "task" : "mapped" };
      const mapped = [...path, "for_each"];
      const label = task.for_each !== undefined && "label" in task.for_each ? task.for_each.label : undefined;
      return [
        ...check(task.with, [...path, "with"], ofInstance),
        ...check(task.when, [...path, "when"], ofInstance),
        ...check(task.for_each?.items, within(mapped, "items"), known),
        ...check(label, [...mapped, "label"], ofInstance),
      ];
    }),
  ];
}

/** Why a task's templates cannot read another's output; null: they can. */
function readability(spec: DagSpec, task: TaskSpec | undefined): KnownNames["unreadable"] {
  let upstream: ReadonlySet<string> | undefined;
  return (taskId) => {
    if (task === undefined) return null;
    upstream ??= ancestorsOf(spec.tasks, task.taskId);
    if (!upstream.has(taskId)) {
      return "not upstream of this task, so its output may not be there: add it to depends_on";
    }
    const teardown = outOfScope(spec, task.taskId, taskId);
    if (teardown === null) return null;
    return `${teardown} may tear it down before this task has run: add this task to setup_for of ${taskId}`;
  };
}

function templatesIn(value: unknown, path: Path): { path: Path; text: string }[] {
  if (typeof value === "string") return isTemplated(value) ? [{ path, text: value }] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    templatesIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
