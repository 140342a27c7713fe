import type { DagSpec, TaskSpec } from "../core/dag.ts";
import { Ancestry } from "../core/graph/ancestry.ts";
import type { FlatDag } from "./flat-tasks.ts";
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
  const names = { params: Object.keys(spec.params), tasks: new Set(spec.tasks.map(({ taskId }) => taskId)) };
  const outputs = new Outputs(spec);
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
    ...tasks.flatMap(({ taskId, task, path, groupId }) => {
      const unreadable = (of: string): string | null => outputs.unreadable(of, taskId);
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

/** Whose outputs are there when a task runs. */
class Outputs {
  private readonly ancestry: Ancestry;
  private readonly teardowns: readonly TaskSpec[];

  constructor({ tasks }: DagSpec) {
    this.ancestry = new Ancestry(tasks);
    this.teardowns = tasks.filter(({ teardownOf }) => teardownOf.length > 0);
  }

  /** Why the templates of task `by` cannot read the output of task `of`; null: they can. */
  unreadable(of: string, by: string): string | null {
    if (!this.ancestry.isAncestor(of, by)) {
      return "not upstream of this task, so its output may not be there: add it to depends_on";
    }
    const teardown = this.outOfScope(of, by);
    if (teardown === null) return null;
    return `${teardown} may tear it down before this task has run: add this task to setup_for of ${of}`;
  }

  /** The teardown that does not wait for `by` although it reads what the setup made, which may be gone when it runs. */
  private outOfScope(setup: string, by: string): string | null {
    const isLoose = ({ taskId, teardownOf }: TaskSpec): boolean =>
      taskId !== by &&
      teardownOf.includes(setup) &&
      !this.ancestry.isAncestor(by, taskId) &&
      !this.ancestry.isAncestor(taskId, by);
    return this.teardowns.find(isLoose)?.taskId ?? null;
  }
}

function templatesIn(value: unknown, path: Path): { path: Path; text: string }[] {
  if (typeof value === "string") return isTemplated(value) ? [{ path, text: value }] : [];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    templatesIn(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
