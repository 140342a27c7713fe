import { randomUUID } from "node:crypto";
import type { LoadedDag } from "../../engine/core/dag.ts";
import type { AnyOperator, OperatorDescriptor } from "../../engine/core/operator.ts";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { REAL_TIME } from "../../engine/core/time-scale.ts";
import { prepareTask } from "../../engine/dagfile/prepare.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import { startEngine, type Engine } from "../../engine/runtime/engine.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import type { Store } from "../../engine/store/open.ts";
import { operatorDescriptors } from "../../operators/index.ts";
import { LAUNCHED } from "./launched.ts";
import { testHost } from "../operators/host.ts";

/** As many as a flush takes, and more: what is launched here asks no service that would push it back. */
const MOST_SUBMITS = 1_000;

/** A real engine with the real operators (and `more` of them) over `store`; what it complains of ends the benchmark. */
export function benchEngine(
  store: Store,
  dags: readonly LoadedDag[],
  { types = [], ...more }: Partial<EngineDeps> & { readonly types?: readonly OperatorDescriptor[] } = {},
): Promise<Engine> {
  const operators = new Map(
    [...operatorDescriptors, LAUNCHED, ...types].map((descriptor) => [descriptor.type, descriptor]),
  );
  const loaded = new Map<string, Promise<AnyOperator>>();
  const silent = (): void => undefined;
  const complain = (details: object, message: string): void => {
    throw new Error(`the engine says: ${message}`, { cause: (details as { err?: unknown }).err });
  };
  const descriptorOf = (type: string): OperatorDescriptor => {
    const descriptor = operators.get(type);
    if (!descriptor) throw new Error(`no operator ${type}`);
    return descriptor;
  };
  return startEngine({
    store,
    settings: { ...DEFAULT_SETTINGS, maxSubmits: MOST_SUBMITS },
    dags,
    plans: false,
    waitsForDatabase: false,
    time: REAL_TIME,
    onMails: silent,
    operators,
    operator: (type) => {
      const known = loaded.get(type) ?? descriptorOf(type).load(testHost());
      loaded.set(type, known);
      return known;
    },
    connection: (name) => ({ name, region: "us-east-1", settings: {} }),
    letGo: silent,
    prepare: (request) => {
      const descriptor = descriptorOf(request.task.operator);
      return prepareTask(Object.assign({ conf: request.run.conf, local: false, descriptor }, request, request.mapped));
    },
    concurrencyKey: (_spec, _run, template) => template,
    readList: () => Promise.reject(new Error("no lists here")),
    priceOf: () => ({ unitPrice: "0", currency: "USD", source: "none" }),
    log: { info: silent, warn: complain, error: complain },
    ...more,
  });
}

/** The most a backfill may have at once, and in all. */
const MOST_ACTIVE = 1_000;
const MOST_RUNS = 10_000;

/** Asks for `runs` runs of a DAG, as many at once as a backfill may unless `maxActiveRuns` says otherwise. */
export async function askForRuns(
  store: Store,
  dagId: string,
  runs: number,
  { maxActiveRuns = Math.min(runs, MOST_ACTIVE) }: { readonly maxActiveRuns?: number } = {},
): Promise<void> {
  const day = (index: number): string =>
    new Date(Date.UTC(1990, 0, 1 + index)).toISOString().slice(0, "1990-01-01".length);
  for (let from = 0; from < runs; from += MOST_RUNS) {
    const dates = { fromDate: day(from), toDate: day(Math.min(runs, from + MOST_RUNS) - 1) };
    const wish = { backfillId: randomUUID(), dagId, ...dates, maxActiveRuns, reprocess: "none", conf: {} } as const;
    await enqueue(store, { kind: "backfill", backfill: wish, by: "bench" });
  }
}

/** How many task instances have succeeded; throws when one did not or a run has not ended. */
export async function succeeded(store: Store): Promise<number> {
  const { rows } = await store.pool.query<{ state: string; tasks: string }>(
    "SELECT state, count(*) AS tasks FROM task_instance GROUP BY state",
  );
  const [only, ...others] = rows;
  if (only?.state !== "success" || others.length > 0) throw new Error(`tasks ended as ${JSON.stringify(rows)}`);
  return Number(only.tasks);
}
