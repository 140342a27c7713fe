import type { DagSpec } from "../core/dag.ts";
import type { JsonObject } from "../core/json.ts";
import { nearest } from "../core/similar.ts";
import { paramMistake } from "./params.ts";

interface ConfMistake {
  readonly name: string;
  readonly message: string;
  /** The DAG has no such param at all. */
  readonly isUnknown: boolean;
}

/** What of a run's conf its DAG does not take, name by name. */
export function confMistakes({ params }: Pick<DagSpec, "params">, conf: JsonObject): ConfMistake[] {
  return Object.entries(conf).flatMap(([name, value]): ConfMistake[] => {
    const param = Object.hasOwn(params, name) ? params[name] : undefined;
    if (param === undefined) {
      const near = nearest(name, Object.keys(params));
      const hint = near === undefined ? "" : `; did you mean ${near}?`;
      return [{ name, message: `the DAG has no param ${name}${hint}`, isUnknown: true }];
    }
    const message = paramMistake(param, value);
    return message === null ? [] : [{ name, message, isUnknown: false }];
  });
}
