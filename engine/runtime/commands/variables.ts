import { cleanText } from "../../core/clean-text.ts";
import type { DecisionContext } from "../../core/machine/events.ts";
import type { World } from "../../core/machine/world.ts";
import type { CommandBody, CommandResult } from "../../core/commands.ts";
import { nearest } from "../../core/similar.ts";
import { MOST_VARIABLES, variableMistake } from "../../core/variables.ts";

/** Makes, changes or takes away a variable: what is rendered from now on sees it. */
export function setVariable(
  world: World,
  wish: Extract<CommandBody, { readonly kind: "set_variable" }>,
  { now }: DecisionContext,
): CommandResult {
  const { name, value, onlyIf } = wish;
  const before = world.variables.get(name);
  if (before === null && (value === null || value === undefined || onlyIf === "known")) {
    const near = nearest(name, world.variables.names());
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return { ok: false, code: "VARIABLE_NOT_FOUND", message: `there is no variable ${cleanText(name, 100)}${hint}` };
  }
  const answer = { key: name, existed: before !== null };
  if (value === null) {
    world.variables.set({ name, to: null });
    return { ok: true, value: answer };
  }
  const mistake = variableMistake(wish);
  if (mistake !== null) return { ok: false, code: "ACTION_INVALID", message: mistake };
  if (before !== null && onlyIf === "new") {
    return { ok: false, code: "ACTION_REFUSED", message: `there is a variable ${name} already; change that one` };
  }
  if (before === null && world.variables.size >= MOST_VARIABLES) {
    const message = `there are ${MOST_VARIABLES} variables, and no more are kept; delete one that no DAG reads`;
    return { ok: false, code: "ACTION_REFUSED", message };
  }
  const { description = before?.description ?? null } = wish;
  world.variables.set({ name, to: { name, value: value ?? before?.value ?? null, description, updatedAt: now } });
  return { ok: true, value: answer };
}
