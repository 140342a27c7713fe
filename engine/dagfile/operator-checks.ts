import type { OperatorDescriptor } from "../core/operator.ts";
import type { FlatDag } from "./flat-tasks.ts";
import { isPlaceholder } from "./salvage.ts";
import type { Finding } from "./schema-issues.ts";
import { suggestion } from "./schema-issues.ts";
import { unrenderedFindings } from "./with-params.ts";

/** Operators that do not exist, and parameters that theirs does not take. */
export function operatorFindings({ tasks }: FlatDag, operators: readonly OperatorDescriptor[]): Finding[] {
  const types = operators.map((each) => each.type);
  return tasks.flatMap(({ task, path }): Finding[] => {
    const descriptor = operators.find((each) => each.type === task.operator);
    if (descriptor === undefined) {
      if (isPlaceholder(task.operator)) return [];
      const message = `${task.operator}: no such operator; there are ${types.join(", ")}`;
      const place = { path: [...path, "operator"], part: "value" } as const;
      return [{ code: "DAG_UNKNOWN_OPERATOR", ...place, message, ...suggestion(task.operator, types) }];
    }
    return unrenderedFindings(descriptor.params, task.with ?? {}).map((finding) => ({
      ...finding,
      ...(finding.path.length === 1 ? parameterMessage(finding, task.operator) : {}),
      path: [...path, "with", ...finding.path],
    }));
  });
}

function parameterMessage({ code, path, message }: Finding, operator: string): { message: string } {
  if (code === "DAG_UNKNOWN_KEY") return { message: `${path[0]}: ${operator} has no such parameter` };
  return { message: code === "DAG_MISSING_KEY" ? `${path[0]}: ${operator} needs this parameter` : message };
}
