import { afterAll, beforeAll } from "vitest";
import type { ApiOptions, ServiceStatus } from "../../engine/api/options.ts";
import { startApi, type ApiServer } from "../../engine/api/server.ts";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import type { DagVersionToPublish } from "../../engine/core/flush-batch.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import type { Store } from "../../engine/store/open.ts";
import { createToken, type TokenRole } from "../../engine/store/tokens.ts";
import { version } from "../store/batches.ts";
import { Writer, storeOfThisFile } from "../store/fleet.ts";

/** 2026-03-10 12:00 UTC: two days after New York's clocks went forward. */
export const NOW = Date.UTC(2026, 2, 10, 12);

export type Item = Readonly<Record<string, unknown>>;

/** An answer as a client sees it. */
export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  /** Whatever came; these are what tests look into. */
  readonly body: Item & {
    readonly code: string;
    readonly dag_run_id: string;
    readonly total_entries: number;
    readonly dags: readonly Item[];
    readonly dag_runs: readonly Item[];
    readonly task_instances: readonly Item[];
    readonly import_errors: readonly Item[];
  };
}

/** The fields that a 422 names. */
export const mistakesOf = ({ body }: Answer) =>
  body["detail"] as readonly { readonly loc: readonly unknown[]; readonly msg: string; readonly type: string }[];

export interface Service {
  readonly store: Store;
  readonly databaseUrl: string;
  readonly url: string;
  readonly writer: Writer;
  /** A token of an admin. */
  readonly token: string;
  /** What the composition root would say. */
  status: ServiceStatus;
  readonly log: { readonly details: object; readonly message: string }[];
  call(method: string, path: string, more?: Call): Promise<Answer>;
  trigger(dagId: string, body: unknown, headers?: Record<string, string>): Promise<Answer>;
  tokenOf(role: TokenRole, dags?: readonly string[]): Promise<string>;
}

export interface Call {
  /** null: none is sent. */
  readonly token?: string | null;
  /** Sent as JSON, or as it is when it is text. */
  readonly body?: unknown;
  readonly headers?: Record<string, string>;
  readonly url?: string;
}

/** A DAG with a schedule and params, as its first version. */
export const publication = (dagId: string, changes: Partial<DagSpec> = {}, file = `dags/${dagId}.yaml`) => {
  const made = version(dagId, 1, { extract: 1, load: 2 });
  const spec: DagSpec = {
    ...made.version.spec,
    owner: "data",
    description: "Sales of the night",
    tags: ["sales", "nightly"],
    timezone: "America/New_York",
    schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "America/New_York", catchup: false },
    params: {
      max_rejected: { type: "number", minimum: 0, maximum: 1 },
      region: { type: "string", enum: ["eu", "us"] },
      days: { type: "integer" },
    },
    ...changes,
  };
  return { ...made, file, version: { ...made.version, spec } } satisfies DagVersionToPublish;
};

export const options = (store: Store, more: Partial<ApiOptions> = {}): ApiOptions => ({
  store,
  host: "127.0.0.1",
  port: 0,
  version: "1.2.3",
  now: () => NOW,
  newRunId,
  status: async () => ({ isReady: true }),
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  ...more,
});

/** The API over HTTP on a real Postgres of the file's own, with these DAGs published. */
export function serviceOfThisFile(dags: readonly DagVersionToPublish[], more: Partial<ApiOptions> = {}): Service {
  const here = storeOfThisFile();
  let server: ApiServer;
  let writer: Writer;
  let token: string;
  const log: Service["log"] = [];
  const note = (details: object, message: string): void => void log.push({ details, message });
  const service: Service = {
    get store() {
      return here.store;
    },
    get databaseUrl() {
      return here.url;
    },
    get url() {
      return server.url;
    },
    get writer() {
      return writer;
    },
    get token() {
      return token;
    },
    status: { isReady: true },
    log,
    call: async (method, path, call = {}) => {
      const { body, headers = {}, url = server.url } = call;
      const bearer = call.token === undefined ? token : call.token;
      const response = await fetch(`${url}${path}`, {
        method,
        headers: {
          ...(bearer === null ? {} : { authorization: `Bearer ${bearer}` }),
          ...(body === undefined ? {} : { "content-type": "application/json" }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
      });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        body: (text === "" ? null : JSON.parse(text)) as Answer["body"],
      };
    },
    trigger: (dagId, body, headers = {}) => service.call("POST", `/api/v2/dags/${dagId}/dagRuns`, { body, headers }),
    tokenOf: async (role, globs = ["*"]) => (await createToken(here.store, { role, dags: globs })).token,
  };
  beforeAll(async () => {
    writer = await Writer.take(here.store);
    await writer.write({ versions: dags });
    ({ token } = await createToken(here.store, { role: "admin", note: "tests" }));
    const logger = { info: note, warn: note, error: note };
    server = await startApi(options(here.store, { status: async () => service.status, log: logger, ...more }));
  });
  afterAll(async () => {
    await server.close();
    await writer.close();
  });
  return service;
}
