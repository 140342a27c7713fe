import { Tokenizer } from "liquidjs";
import type { Json } from "../core/json.ts";
import { suggestion } from "./schema-issues.ts";
import { FILTERS, compileTemplate, isTemplated, templateMessage, templateNames } from "./template.ts";

/** What the templates of one task may name. */
export interface KnownNames {
  readonly params: readonly string[];
  /** Every task of the DAG. */
  readonly tasks: ReadonlySet<string>;
  /** Why the output of a task will not be there when this one runs; null: it will. */
  readonly unreadable: (taskId: string) => string | null;
  /** The group the task is in; null: none. */
  readonly groupId: string | null;
  /** run: before any task of it; task; mapped: a task with for_each, which has an `item`. */
  readonly scope: "run" | "task" | "mapped";
}

/** A mistake in a template; `offset` counts in its text. */
export interface TemplateFinding {
  readonly offset: number;
  readonly length: number;
  readonly message: string;
  readonly didYouMean?: string;
}

const TEXTS = [
  "ds",
  "ds_nodash",
  "ds_utc",
  "ts",
  "ts_nodash",
  "logical_date",
  "data_interval_start",
  "data_interval_end",
  "run_id",
  "run_type",
  "try_number",
  "map_index",
  "local",
];
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  dag: ["dag_id", "description", "owner", "timezone"],
  task: ["task_id", "operator"],
  prev_success: ["logical_date", "ds", "data_interval_start", "data_interval_end", "started_at"],
};
/** What is in them is known at the run only. */
const OPEN = ["conf", "vars", "item"];
const NAMES = [...TEXTS, ...Object.keys(MEMBERS), "params", "tasks", ...OPEN];
const OF_A_TASK = ["try_number", "map_index", "task", "tasks", "item"];

/** Every name and filter that a template uses and that will not be there when it is rendered. */
export function checkTemplate(text: string, known: KnownNames): TemplateFinding[] {
  let slip: TemplateFinding[] = [];
  try {
    compileTemplate(text);
  } catch (error) {
    slip = [syntaxFinding(text, error)];
  }
  const names = Object.values(templateNames(text))
    .flat()
    .flatMap((variable) => {
      const offset = offsetOf(text, variable.location);
      // A segment that is itself a variable, params[ds], is only known at the run.
      const segments = variable.segments.map((each) => (typeof each === "object" ? null : String(each)));
      const mistake = nameMistake(segments, known);
      if (mistake === null) return [];
      const length = new Tokenizer(text.slice(offset)).readValue()?.getText().length ?? 1;
      return [{ offset, length, ...mistake }];
    });
  return [...slip, ...names].sort((a, b) => a.offset - b.offset);
}

type Mistake = Pick<TemplateFinding, "message" | "didYouMean">;
type Segment = string | null | undefined;

function nameMistake(segments: readonly Segment[], known: KnownNames): Mistake | null {
  const [name, member] = segments;
  if (name === null || name === undefined) return null;
  const names = NAMES.filter((each) => each !== "item" || known.scope === "mapped");
  if (!NAMES.includes(name)) return { message: `${name}: no such name in templates`, ...suggestion(name, names) };
  if (known.scope === "run" && OF_A_TASK.includes(name)) {
    return { message: `${name}: it belongs to a task; here only the names of the run are known` };
  }
  if (known.scope === "run" && name === "prev_success") {
    return { message: "prev_success: it is known once the run starts, and its concurrency key decides whether it may" };
  }
  if (name === "item" && known.scope === "task")
    return { message: "item: only a task with for_each has one, in with, when and label" };
  if (OPEN.includes(name)) return null;
  if (name === "tasks") return taskMistake(segments.slice(1), known);
  if (name === "params") {
    if (member === undefined || member === null || known.params.includes(member)) return null;
    return {
      message: `params.${member}: no such parameter is declared under params`,
      ...suggestion(member, known.params),
    };
  }
  const members = MEMBERS[name];
  if (members !== undefined) {
    if (member === null || (member !== undefined && members.includes(member))) return null;
    const choice = members.map((each) => `${name}.${each}`).join(", ");
    return { message: `${name}: write one of ${choice}`, ...(member === undefined ? {} : suggestion(member, members)) };
  }
  return member === undefined || member === "size" ? null : { message: `${name}.${member}: ${name} has no parts` };
}

/** tasks.merge.output, and of a group tasks.warehouse.merge.output or tasks['warehouse.merge'].output. */
function taskMistake(segments: readonly Segment[], { tasks, unreadable, groupId }: KnownNames): Mistake | null {
  const [first] = segments;
  if (first === undefined || first === null) return { message: "tasks: name the task, as in tasks.extract.output" };
  const lengths = segments.map((_, index) => index + 1);
  const length = lengths.find((count) => tasks.has(segments.slice(0, count).join(".")));
  if (length === undefined) {
    const inGroup = `${groupId}.${first}`;
    const better = tasks.has(inGroup) ? { didYouMean: `tasks.${inGroup}` } : suggestion(first, tasks);
    return { message: `tasks.${first}: no such task in this DAG`, ...better };
  }
  const taskId = segments.slice(0, length).join(".");
  const why = unreadable(taskId);
  if (why !== null) return { message: `tasks.${taskId}: ${why}` };
  return segments[length] === "output" ? null : { message: `tasks.${taskId}: only tasks.${taskId}.output can be read` };
}

/** Whether a value's templates read outputs of tasks. */
export function namesTasks(value: Json): boolean {
  if (typeof value === "string") return isTemplated(value) && "tasks" in templateNames(value);
  return typeof value === "object" && value !== null && Object.values(value).some(namesTasks);
}

/** Where Liquid stumbled. It points at the whole {{ … }}; an unknown filter or tag is found by its name. */
function syntaxFinding(text: string, error: unknown): TemplateFinding {
  const message = templateMessage(error);
  const token = (error as { token?: { begin: number; end: number } }).token;
  const from = Math.min(token?.begin ?? 0, text.length - 1);
  const filter = /^undefined filter: (\S+)$/.exec(message)?.[1];
  const offset = filter === undefined ? -1 : text.indexOf(filter, text.indexOf("|", from));
  if (filter !== undefined && offset >= 0) {
    return { offset, length: filter.length, message: `${filter}: no such filter`, ...suggestion(filter, FILTERS) };
  }
  return { offset: from, length: Math.max(1, (token?.end ?? from) - from), message };
}

function offsetOf(text: string, { row, col }: { readonly row: number; readonly col: number }): number {
  let start = 0;
  for (let line = 1; line < row; line++) start = text.indexOf("\n", start) + 1;
  return start + col - 1;
}
