import pg from "pg";
import { z } from "zod";
import { NocturneError } from "../../engine/core/errors.ts";
import type { JsonObject } from "../../engine/core/json.ts";

const settings = z.strictObject({
  url: z
    .string()
    .refine(
      (text) => URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol),
      "expected an address such as postgres://user:password@host:5432/name",
    )
    .optional(),
  url_env: z.string().optional(),
});

/** The address of the connection's Postgres. Throws NocturneError CONFIG_INVALID; the address itself is never shown. */
export function urlOf(name: string, given: JsonObject | null): string {
  if (given === null) throw invalid(`the task uses the connection ${name}, which nocturne.yaml does not name`);
  const parsed = settings.safeParse(given["postgres"] ?? {});
  const issue = parsed.error?.issues[0];
  if (issue) throw invalid(`connections.${["", name, "postgres", ...issue.path].slice(1).join(".")}: ${issue.message}`);
  const { url, url_env } = parsed.data ?? {};
  if (url !== undefined) return url;
  throw invalid(
    url_env === undefined
      ? `the connection ${name} of nocturne.yaml has no postgres.url, which this task needs`
      : `the environment has no ${url_env}, which the connection ${name} names in postgres.url_env`,
  );
}

const invalid = (message: string): NocturneError => new NocturneError({ code: "CONFIG_INVALID", message });

/** Types whose text is their value in JSON, by pg_type.oid: bool, int2, int4, float4, float8, json, jsonb. The rest stays text. */
const NATIVE: ReadonlySet<number> = new Set([16, 21, 23, 700, 701, 114, 3802]);

const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: "text") => {
    if (!NATIVE.has(oid)) return (text: string) => text;
    const parse = pg.types.getTypeParser(oid, format) as (text: string) => unknown;
    return (text: string) => {
      const value = parse(text);
      return typeof value === "number" && !Number.isFinite(value) ? text : value;
    };
  }) as pg.CustomTypesConfig["getTypeParser"],
};

const CONNECT_MS = 10_000;

/** A connection that is not open yet. Its name in pg_stat_activity holds the launch key. */
export function clientTo(url: string, applicationName: string): pg.Client {
  const client = new pg.Client({
    connectionString: url,
    application_name: applicationName,
    connectionTimeoutMillis: CONNECT_MS,
    keepAlive: true,
    types,
  });
  // What ends it between two statements shows at the next one.
  client.on("error", () => undefined);
  return client;
}

/** At most 63 bytes, or Postgres cuts it. */
export const applicationNameOf = (launchKey: string): string => `nocturne ${launchKey}`;
