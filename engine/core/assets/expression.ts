import type { AssetExpression } from "../dag.ts";

/** Every asset that an expression names, once. */
export function assetsOf(expression: AssetExpression): ReadonlySet<string> {
  if (typeof expression === "string") return new Set([expression]);
  return new Set(partsOf(expression).flatMap((part) => [...assetsOf(part)]));
}

/** Whether the assets that have changed are enough for a run. */
export function isSatisfied(expression: AssetExpression, hasChanged: (asset: string) => boolean): boolean {
  if (typeof expression === "string") return hasChanged(expression);
  const holds = (part: AssetExpression): boolean => isSatisfied(part, hasChanged);
  return "all" in expression ? expression.all.every(holds) : expression.any.some(holds);
}

/** As a person would write it: "orders & (stores | shops)". */
export function expressionText(expression: AssetExpression): string {
  if (typeof expression === "string") return expression;
  if ("any" in expression) return expression.any.map(expressionText).join(" | ");
  return expression.all
    .map((part) => (typeof part === "object" && "any" in part ? `(${expressionText(part)})` : expressionText(part)))
    .join(" & ");
}

const partsOf = (expression: Exclude<AssetExpression, string>): readonly AssetExpression[] =>
  "all" in expression ? expression.all : expression.any;
