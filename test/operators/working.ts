import type { JsonObject } from "../../engine/core/json.ts";
import type { OperatorHost } from "../../engine/core/operator-host.ts";
import type { AnyOperator, Connection, Observation, SubmitContext } from "../../engine/core/operator.ts";
import { until } from "../setup/until.ts";
import { contextOf, never, observed, type ContextOptions } from "./contexts.ts";
import { testHost } from "./host.ts";

/** Work of an operator that runs in this process. */
export interface Begun {
  readonly operator: AnyOperator;
  readonly ref: unknown;
  readonly context: SubmitContext;
}

export const nowhere = (settings: JsonObject = {}): Connection => ({ name: "default", region: "us-east-1", settings });

export interface Begin extends ContextOptions {
  readonly connection?: Connection;
  readonly host?: Partial<OperatorHost>;
}

/** Submits and answers what submit said; `with` as in a DAG. */
export async function submit(make: (host: OperatorHost) => AnyOperator, params: object, options: Begin = {}) {
  const operator = make(testHost(options.host));
  const context = contextOf(options.connection ?? nowhere(), options);
  return { operator, context, result: await operator.submit(operator.params.parse(params), context) };
}

export async function begin(make: (host: OperatorHost) => AnyOperator, params: object, options: Begin = {}) {
  const { result, ...rest } = await submit(make, params, options);
  if (result.kind !== "started") throw new Error(JSON.stringify(result));
  return { ...rest, ref: result.ref as unknown };
}

/** Looks until the work has ended; polling is how the engine looks, too. */
export async function ended({ operator, ref, context }: Begun): Promise<Observation> {
  return until(`the end of ${operator.type}`, async () => {
    const [look] = await operator.observe([observed(ref, context)], never);
    return look && look.kind !== "running" ? look : null;
  });
}

export const run = async (...args: Parameters<typeof begin>): Promise<Observation> => ended(await begin(...args));
