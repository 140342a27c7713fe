import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { LoadedDag } from "../../engine/core/dag.ts";
import { projectReader } from "../../engine/dagfile/project-reader.ts";
import { readDagFile } from "../../engine/dagfile/read.ts";
import type { DagProblem } from "../../engine/dagfile/yaml-document.ts";
import { operatorDescriptors as operators } from "../../operators/index.ts";

const root = resolve(import.meta.dirname, "../..");
const guide = join(root, "docs/guide");

/** A whole DAG that the guide shows, and how it says that a run of it ends. */
export interface Example {
  readonly page: string;
  readonly dag: LoadedDag;
  readonly run: string;
  /** By task, or by instance of a mapped one: "load", "load[1]". */
  readonly tasks: Readonly<Record<string, string>>;
}

/** Every YAML example of the guide that is a whole DAG, or several, and what is wrong with any of them. */
export function guideExamples(): { readonly examples: readonly Example[]; readonly problems: readonly DagProblem[] } {
  const examples: Example[] = [];
  const problems: DagProblem[] = [];
  for (const page of readdirSync(guide).filter((name) => name.endsWith(".md"))) {
    const blocks = [...readFileSync(join(guide, page), "utf8").matchAll(/```yaml\n([\s\S]*?)```/g)];
    for (const [, block = ""] of blocks) {
      for (const text of block
        .split(/^---$/m)
        .map(wholeOf)
        .filter((document) => /^dag:/m.test(document))) {
        const read = readDagFile({ file: `docs/guide/${page}`, text, operators, readProjectFile: projectReader(root) });
        problems.push(...read.problems);
        examples.push(...read.dags.map((dag) => ({ page, dag, ...endsOf(text) })));
      }
    }
  }
  return { examples, problems };
}

/** An example that begins with a schedule is the head of a DAG; with a task it is whole. */
const wholeOf = (text: string): string => {
  if (!text.startsWith("schedule:")) return text;
  const dagId = `schedule_${createHash("sha256").update(text).digest("hex").slice(0, 8)}`;
  return `dag: ${dagId}\n${text}\ntasks: { sleep: { operator: noop } }\n`;
};

/** "# ends: failed; load failed, report upstream_failed": a run succeeds unless its example says otherwise. */
function endsOf(text: string): Pick<Example, "run" | "tasks"> {
  const [, run = "success", tasks = ""] = /^# ends: (\w+)(?:; (.*))?$/m.exec(text) ?? [];
  const pairs = tasks === "" ? [] : tasks.split(", ").map((pair) => pair.split(" "));
  return { run, tasks: Object.fromEntries(pairs) as Record<string, string> };
}
