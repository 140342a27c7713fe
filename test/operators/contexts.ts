import { randomBytes } from "node:crypto";
import type { JsonObject } from "../../engine/core/json.ts";
import type { Connection, Observed, RunTimes, SubmitContext } from "../../engine/core/operator.ts";

const SERVICES = ["s3", "glue", "emr", "redshift_data", "athena", "logs", "sts"];

/** A connection whose every service answers at `url`. */
export function connectionTo(url: string, settings: JsonObject = {}): Connection {
  return {
    name: "default",
    region: "us-east-1",
    settings: {
      endpoints: Object.fromEntries(SERVICES.map((service) => [service, url])),
      credentials: { access_key_id: "local", secret_access_key: "local" },
      artifacts: "s3://artifacts/by-hash",
      glue: { role: "arn:aws:iam::000000000000:role/nocturne", version: "5.1" },
      emr: {
        release: "emr-7.13.0",
        service_role: "service",
        instance_profile: "profile",
        log_uri: "s3://artifacts/emr-logs/",
      },
      redshift: { workgroup: "local", database: "dev", base_rpu: 8, iam_role: "arn:aws:iam::000000000000:role/copy" },
      athena: { workgroup: "primary", output_location: "s3://artifacts/athena/" },
      ...settings,
    },
  };
}

export interface ContextOptions {
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly mayStillSend?: () => boolean;
  readonly requestLimitMs?: number;
  readonly launchKey?: string;
  readonly isRepeat?: boolean;
  /** The engine's time; without it the wall's. */
  readonly now?: () => number;
  readonly times?: Partial<RunTimes>;
}

/** What an attempt's calls are given. */
export function contextOf(connection: Connection, options: ContextOptions = {}): SubmitContext {
  return {
    dagId: "nightly",
    dagRunId: "scheduled__2026-01-01T07:00:00+00:00",
    taskId: "a_task",
    tryNumber: 1,
    launchKey: options.launchKey ?? randomBytes(24).toString("hex"),
    connection,
    times: {
      timezone: "UTC",
      dueAt: Date.UTC(2026, 0, 2, 7),
      intervalEndAt: Date.UTC(2026, 0, 2, 7),
      ...options.times,
    },
    signal: new AbortController().signal,
    now: options.now ?? (() => Date.now()),
    intentAt: Date.now(),
    isRepeat: options.isRepeat ?? false,
    mayStillSend: options.mayStillSend ?? (() => true),
    requestLimitMs: options.requestLimitMs ?? 10_000,
    file: async (path) => {
      const content = options.files?.[path];
      if (content === undefined) throw new Error(`${path} is not stored with this version of the DAG`);
      return typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
  };
}

export const observed = <Ref>(ref: Ref, context: SubmitContext): Observed<Ref> => ({
  ref,
  launchKey: context.launchKey,
  context,
});

export const never = new AbortController().signal;
