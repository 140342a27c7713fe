import { cleanText } from "./clean-text.ts";
import type { Instant, Json, JsonObject } from "./json.ts";
import { isDeeper, MOST_LEVELS } from "./nesting.ts";

/** A value that the templates of every DAG may read as {{ vars.name }}. */
export interface Variable {
  readonly name: string;
  /** Never null: a variable without a value is none. */
  readonly value: Json;
  readonly description: string | null;
  readonly updatedAt: Instant;
}

/** A variable as it is from now on; `to` null: there is none any more. */
export interface VariableChange {
  readonly name: string;
  readonly to: Variable | null;
}

/** What somebody wants of a variable. */
export interface VariableWish {
  readonly name: string;
  /** Left out: it stays as it is. null: the variable is taken away. */
  readonly value?: Json;
  /** Left out: it stays as it is. null: there is none any more. */
  readonly description?: string | null;
  /** Refused unless there is none of that name yet, or one already. */
  readonly onlyIf?: "new" | "known";
}

/** Every variable is in the writer's memory. */
export const MOST_VARIABLES = 10_000;
const MOST_BYTES = 64 * 1024;
const LONGEST_NAME = 250;
const LONGEST_DESCRIPTION = 2_000;

/** Why this cannot be a variable; null: it can. */
export function variableMistake({ name, value, description }: VariableWish): string | null {
  if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) {
    return `${JSON.stringify(cleanText(name, LONGEST_NAME))}: a name is letters, digits and _, and begins with no digit, so that templates can say vars.name`;
  }
  if (name.length > LONGEST_NAME) return `the name has ${name.length} characters, at most ${LONGEST_NAME} are allowed`;
  if (isDeeper(value ?? null, MOST_LEVELS)) return `${name}: the value is nested more than ${MOST_LEVELS} levels deep`;
  const bytes = new TextEncoder().encode(JSON.stringify(value ?? null)).length;
  if (bytes > MOST_BYTES) {
    return `${name}: the value has ${bytes} bytes as JSON, at most ${MOST_BYTES} are allowed; keep it in S3 and hand on its URI`;
  }
  if ((description ?? "").length > LONGEST_DESCRIPTION) {
    return `${name}: the description has more than ${LONGEST_DESCRIPTION} characters`;
  }
  return null;
}

/** The variables in memory, as templates are given them. */
export class Variables {
  private readonly byName: Map<string, Variable>;
  private given: JsonObject | null = null;

  private readonly wrote: (change: VariableChange) => void;

  /** `wrote` hears of every change: it is still to be stored. */
  constructor(variables: readonly Variable[], wrote: (change: VariableChange) => void) {
    this.wrote = wrote;
    this.byName = new Map(variables.map((variable) => [variable.name, variable]));
  }

  get(name: string): Variable | null {
    return this.byName.get(name) ?? null;
  }

  get size(): number {
    return this.byName.size;
  }

  names(): string[] {
    return [...this.byName.keys()];
  }

  set(change: VariableChange): void {
    const { name, to } = change;
    if (to === null) this.byName.delete(name);
    else this.byName.set(name, to);
    this.given = null;
    this.wrote(change);
  }

  /** By name. The same object until one changes: it is handed to every task that is rendered. */
  get values(): JsonObject {
    this.given ??= Object.fromEntries([...this.byName.values()].map(({ name, value }) => [name, value]));
    return this.given;
  }
}
