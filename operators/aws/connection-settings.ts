import { z } from "zod";
import { NocturneError } from "../../engine/core/errors.ts";
import type { JsonObject } from "../../engine/core/json.ts";
import type { Connection } from "../../engine/core/operator.ts";

const text = z.string().min(1);
const endpoint = z.url({ protocol: /^https?$/, error: "expected an address such as http://127.0.0.1:4566" }).optional();
const s3Uri = z.string().regex(/^s3:\/\/[^/]+/, "expected s3://bucket/prefix");

/** What nocturne.yaml may say of a connection beside its region. */
const schema = z.strictObject({
  endpoints: z
    .strictObject({
      s3: endpoint,
      glue: endpoint,
      emr: endpoint,
      redshift_data: endpoint,
      athena: endpoint,
      logs: endpoint,
      sts: endpoint,
    })
    .default({}),
  role_arn: text.optional(),
  external_id: text.optional(),
  rate_limits: z.record(z.string(), z.string()).optional(),
  artifacts: s3Uri.optional(),
  credentials: z.strictObject({ access_key_id: text, secret_access_key: text }).optional(),
  glue: z.strictObject({ role: text.optional(), version: text.optional() }).default({}),
  emr: z
    .strictObject({
      release: text.optional(),
      service_role: text.optional(),
      instance_profile: text.optional(),
      log_uri: s3Uri.optional(),
      subnet: text.optional(),
    })
    .default({}),
  redshift: z
    .strictObject({
      workgroup: text.optional(),
      cluster: text.optional(),
      db_user: text.optional(),
      secret_arn: text.optional(),
      database: text.optional(),
      iam_role: text.optional(),
      base_rpu: z.number().positive().optional(),
    })
    .default({}),
  athena: z.strictObject({ workgroup: text.optional(), output_location: s3Uri.optional() }).default({}),
  // Checked by sql.postgres: no AWS client reads it.
  postgres: z.unknown().optional(),
});

export type ConnectionSettings = z.infer<typeof schema>;

const known = new WeakMap<JsonObject, ConnectionSettings>();

/** The connection's settings, checked. Throws NocturneError CONFIG_INVALID with everything that is wrong. */
export function settingsOf(connection: Connection): ConnectionSettings {
  const cached = known.get(connection.settings);
  if (cached) return cached;
  const parsed = schema.safeParse(connection.settings);
  if (!parsed.success) {
    throw new NocturneError(
      parsed.error.issues.map((issue) => {
        const place = ["connections", connection.name, ...issue.path].join(".");
        return { code: "CONFIG_INVALID", message: `${place}: ${issue.message}` };
      }),
    );
  }
  known.set(connection.settings, parsed.data);
  return parsed.data;
}

/** The value of a setting that an operator cannot do without. */
export function required<T>(connection: Connection, name: string, value: T | undefined): T {
  if (value !== undefined) return value;
  throw new NocturneError({
    code: "CONFIG_INVALID",
    message: `the connection ${connection.name} of nocturne.yaml has no ${name}, which this task needs`,
  });
}
