import { Tokenizer } from "liquidjs";
import { suggestion } from "./schema-issues.ts";
import { FILTERS, compileTemplate, templateMessage, templateNames } from "./template.ts";

/** What the templates of one task may name. */
export interface KnownNames {
  readonly params: readonly string[];
  /** Every task of the DAG. */
  readonly tasks: readonly string[];
  /** Those the task waits for, directly or not: only their outputs are there when it runs. */
  readonly upstream: ReadonlySet<string>;
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
  "local",
];
const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  dag: ["dag_id", "description", "owner", "timezone"],
  task: ["task_id", "operator"],
};
const NAMES = [...TEXTS, ...Object.keys(MEMBERS), "params", "conf", "tasks"];

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

function nameMistake([name, member, field]: readonly Segment[], known: KnownNames): Mistake | null {
  if (name === null || name === undefined || name === "conf") return null;
  if (!NAMES.includes(name)) return { message: `${name}: no such name in templates`, ...suggestion(name, NAMES) };
  if (name === "tasks") return taskMistake(member, field, known);
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

function taskMistake(taskId: Segment, field: Segment, known: KnownNames): Mistake | null {
  if (taskId === undefined || taskId === null) return { message: "tasks: name the task, as in tasks.extract.output" };
  if (!known.tasks.includes(taskId)) {
    return { message: `tasks.${taskId}: no such task in this DAG`, ...suggestion(taskId, known.tasks) };
  }
  if (!known.upstream.has(taskId)) {
    return {
      message: `tasks.${taskId}: not upstream of this task, so its output may not be there: add it to depends_on`,
    };
  }
  return field === "output" ? null : { message: `tasks.${taskId}: only tasks.${taskId}.output can be read` };
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
