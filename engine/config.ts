import { existsSync, readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join, resolve } from "node:path";
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Node } from "yaml";
import { z } from "zod";
import { parseDuration } from "./core/duration.ts";
import { NocturneError, type Problem } from "./core/errors.ts";
import type { Instant, JsonObject } from "./core/json.ts";
import type { Connection } from "./core/operator.ts";
import { parseRoles, ROLES, type Role } from "./core/roles.ts";
import { nearest } from "./core/similar.ts";
import { DEFAULT_SETTINGS, type EngineSettings } from "./core/settings.ts";

/** Everything a command needs to know about its surroundings, decided once. Paths are absolute. */
export interface Config {
  /** The nocturne.yaml that was read; null: there is none. */
  readonly file: string | null;
  readonly home: string;
  /** null: the embedded Postgres of `home`. */
  readonly databaseUrl: string | null;
  readonly fleet: string;
  /** What a `nocturne up` does; other commands do not ask. */
  readonly roles: readonly Role[];
  readonly dagsFolder: string;
  /** Whose overlay of the DAGs counts (dags/overlays/<environment>.yaml); null: none. */
  readonly environment: string | null;
  /** Overrides of prices, exact decimals as text: "glue.dpu_hour" -> "0.44". */
  readonly prices: Readonly<Record<string, string>>;
  readonly connections: Readonly<Record<string, Connection>>;
  /** How many commands of shell.run run at once on this machine; the rest wait. */
  readonly maxCommands: number;
  readonly engine: EngineSettings;
  /** Whether the connection `default` is local-aws, which the command then starts. */
  readonly aws: "cloud" | "local";
  /** smtp:// or smtps://, with user and password where the server wants them; null: mails wait, or go to the inbox folder. */
  readonly smtpUrl: string | null;
  readonly mailFrom: string;
  /** Where people reach the API, for links in mails; null: where it listens. */
  readonly publicUrl: string | null;
  readonly retention: Retention;
  /** The clock that engine and local-aws share, only with aws: local; null: as it is, or as the running local-aws has it. */
  readonly time: TimeWish | null;
}

/** How long ended runs stay in the database, and where they go. */
export interface Retention {
  /** null: for ever. */
  readonly runsMs: number | null;
  readonly archiveTo: string;
}

/** A clock `factor` times as fast as the wall's, that begins at `from`; null: at what the wall shows. */
export interface TimeWish {
  readonly factor: number;
  readonly from: Instant | null;
}

/** What the command line said; each goes before the environment and the file. */
export interface ConfigFlags {
  readonly config?: string;
  readonly home?: string;
  readonly databaseUrl?: string;
  readonly fleet?: string;
  readonly roles?: string;
  readonly dags?: string;
  readonly aws?: string;
  readonly timeScale?: string;
  readonly timeFrom?: string;
}

const duration = z.string().transform((text, context) => {
  const ms = parseDuration(text);
  if (ms !== null && ms > 0) return ms;
  context.addIssue({ code: "custom", message: "expected a duration such as 20s, 500ms or 2m" });
  return z.NEVER;
});
const count = z.int().min(1);
const price = z.union([z.number().nonnegative(), z.string().regex(/^\d+(\.\d+)?$/, "expected a price such as 0.44")]);

const engineKeys = z.strictObject({
  writer_ttl: duration.optional(),
  writer_renew: duration.optional(),
  send_window: duration.optional(),
  request_limit: duration.optional(),
  visibility: duration.optional(),
  search_again: duration.optional(),
  lost_after: duration.optional(),
  poll_min: duration.optional(),
  poll_max: duration.optional(),
  ending_alarm: duration.optional(),
  alert_window: duration.optional(),
  max_submits: count.optional(),
  max_new_rows_per_flush: count.optional(),
});

/** A month that is not over cannot leave, and yesterday's runs are still looked at. */
const LEAST_RETENTION_MS = 7 * 86_400_000;
const retentionKeys = z.strictObject({
  runs: duration.refine((ms) => ms >= LEAST_RETENTION_MS, "expected 7d or more, such as 400d").optional(),
  archive_to: z.string().min(1).nullable().optional(),
});

const fleetName = z
  .string()
  .regex(/^(?!pg_)[a-z_][a-z0-9_]{0,62}$/, "expected a Postgres schema name: a-z, 0-9 and _, not beginning with pg_");
const environmentName = z.string().regex(/^[A-Za-z0-9_-]{1,63}$/, "expected letters, digits, _ and - only");
const databaseUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^postgres(ql)?:$/.test(new URL(text).protocol),
    "expected an address such as postgres://user:password@host:5432/name",
  );

const smtpUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^smtps?:$/.test(new URL(text).protocol) && new URL(text).hostname !== "",
    "expected an address such as smtp://user:password@host:587",
  );
const mailFrom = z
  .string()
  .regex(
    /^([^<>@\r\n]*<[^\s<>@]+@[^\s<>@]+>|[^\s<>@]+@[^\s<>@]+)$/,
    "expected an address such as nocturne@example.com",
  );
const publicUrl = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    "expected an address such as https://nocturne.example.com",
  );
const factor = "expected a number from 1 to 100000, such as 600";
const timeScale = z.number(factor).min(1, factor).max(100_000, factor);

const fileKeys = z.strictObject({
  database_url: databaseUrl.optional(),
  fleet: fleetName.optional(),
  roles: z.array(z.enum(ROLES)).min(1, "expected some of engine, api, alert").optional(),
  aws: z.enum(["cloud", "local"]).optional(),
  home: z.string().min(1).optional(),
  dags_folder: z.string().min(1).optional(),
  smtp_url: smtpUrl.optional(),
  mail_from: mailFrom.optional(),
  public_url: publicUrl.optional(),
  time_scale: timeScale.optional(),
  prices: z.record(z.string(), price).optional(),
  max_commands: count.optional(),
  engine: engineKeys.optional(),
  retention: retentionKeys.optional(),
  // What stands in a connection besides its region is checked by the AWS clients' factory, which knows its services.
  connections: z.record(z.string(), z.looseObject({ region: z.string().min(1).optional() })).optional(),
});
type FileKeys = z.infer<typeof fileKeys>;

/**
 * Flag, environment (NOCTURNE_HOME, NOCTURNE_FLEET, …, DATABASE_URL), file, default: the first that says something counts.
 * The file: --config, else ./nocturne.yaml, else <home>/nocturne.yaml. Throws NocturneError CONFIG_INVALID with every problem.
 */
export function loadConfig(from: {
  readonly flags: ConfigFlags;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}): Config {
  const { flags, cwd } = from;
  const env = (name: string): string | undefined => from.env[name] || undefined;
  const saidHome = flags.home ?? env("NOCTURNE_HOME");
  const file = findFile(flags.config ?? env("NOCTURNE_CONFIG"), saidHome, cwd);
  const said = file === null ? {} : readConfigFile(file);
  const base = file === null ? cwd : resolve(file, "..");
  const path = (flagOrEnv: string | undefined, inFile: string | undefined, otherwise: string): string =>
    flagOrEnv !== undefined ? resolve(cwd, flagOrEnv) : inFile !== undefined ? resolve(base, inFile) : otherwise;
  const fleet = flags.fleet ?? env("NOCTURNE_FLEET") ?? said.fleet ?? "nocturne";
  const aws = flags.aws ?? env("NOCTURNE_AWS") ?? said.aws ?? "cloud";
  const url = flags.databaseUrl ?? env("NOCTURNE_DATABASE_URL") ?? env("DATABASE_URL") ?? said.database_url ?? null;
  refuseUnless(fleetName, fleet, `--fleet ${fleet}`);
  // Its password is nobody's business: the text itself is not shown.
  if (url !== null) refuseUnless(databaseUrl, url, "--database-url, DATABASE_URL");
  if (aws !== "cloud" && aws !== "local") throw usage(`--aws ${aws}: expected local or cloud`);
  const environment = env("NOCTURNE_ENV") ?? null;
  if (environment !== null) refuseUnless(environmentName, environment, `NOCTURNE_ENV ${environment}`);
  const smtp = env("NOCTURNE_SMTP_URL") ?? env("SMTP_URL") ?? said.smtp_url ?? null;
  if (smtp !== null) refuseUnless(smtpUrl, smtp, "SMTP_URL");
  const sender = env("NOCTURNE_MAIL_FROM") ?? said.mail_from ?? "nocturne@localhost";
  refuseUnless(mailFrom, sender, `NOCTURNE_MAIL_FROM ${sender}`);
  const outside = env("NOCTURNE_PUBLIC_URL") ?? said.public_url ?? null;
  if (outside !== null) refuseUnless(publicUrl, outside, `NOCTURNE_PUBLIC_URL ${outside}`);
  const home = path(saidHome, said.home, join(cwd, ".nocturne"));
  return {
    file,
    home,
    databaseUrl: url,
    fleet,
    roles: rolesOf(flags.roles ?? env("NOCTURNE_ROLES"), said.roles),
    dagsFolder: path(flags.dags ?? env("NOCTURNE_DAGS_FOLDER"), said.dags_folder, join(cwd, "dags")),
    environment,
    prices: Object.fromEntries(Object.entries(said.prices ?? {}).map(([key, value]) => [key, String(value)])),
    connections: connectionsOf(said, env("AWS_REGION") ?? env("AWS_DEFAULT_REGION") ?? "us-east-1", env),
    maxCommands: said.max_commands ?? 2 * availableParallelism(),
    engine: settingsOf(said.engine ?? {}),
    aws,
    smtpUrl: smtp,
    mailFrom: sender,
    publicUrl: outside?.replace(/\/+$/, "") ?? null,
    retention: {
      runsMs: said.retention?.runs ?? null,
      archiveTo: path(env("NOCTURNE_ARCHIVE_TO"), said.retention?.archive_to ?? undefined, join(home, "archive")),
    },
    time: timeOf(
      flags.timeScale ?? env("NOCTURNE_TIME_SCALE") ?? said.time_scale,
      flags.timeFrom ?? env("NOCTURNE_TIME_FROM"),
      aws,
    ),
  };
}

function rolesOf(list: string | undefined, inFile: readonly Role[] | undefined): readonly Role[] {
  const roles = parseRoles(list ?? (inFile ?? ROLES).join());
  if (typeof roles === "string") throw usage(`--roles ${list ?? ""}: ${roles}`);
  return roles;
}

/** A clock of one's own is for a local-aws that shares it: AWS's services keep the world's. */
function timeOf(scale: string | number | undefined, from: string | undefined, aws: "cloud" | "local"): TimeWish | null {
  if (scale === undefined && from === undefined) return null;
  const named = scale === undefined ? "--time-from" : "time_scale";
  if (aws !== "local") throw usage(`${named} goes with --aws local only: AWS keeps its own clock`);
  if (scale !== undefined) refuseUnless(timeScale, Number(scale), `--time-scale ${scale}`);
  const at = from === undefined ? null : Date.parse(from);
  const hasOffset = from === undefined || /T.*(Z|[+-]\d{2}:?\d{2})$/.test(from);
  if ((at !== null && Number.isNaN(at)) || !hasOffset) {
    throw usage(`--time-from ${from}: expected an instant such as 2026-01-31T01:50:00Z`);
  }
  return { factor: Number(scale ?? 1), from: at };
}

/** What a connection says that reaches a local-aws at `url`. */
export function localAwsSettings(url: string): JsonObject {
  const services = ["s3", "glue", "emr", "redshift_data", "athena", "logs", "sts"];
  return {
    endpoints: Object.fromEntries(services.map((service) => [service, url])),
    credentials: { access_key_id: "local", secret_access_key: "local" },
    artifacts: "s3://nocturne-artifacts",
    glue: { role: "arn:aws:iam::000000000000:role/local", version: "5.1" },
    emr: {
      release: "emr-7.13.0",
      service_role: "local",
      instance_profile: "local",
      log_uri: "s3://nocturne-artifacts/emr-logs/",
    },
    redshift: { workgroup: "local", database: "dev", iam_role: "arn:aws:iam::000000000000:role/local", base_rpu: 8 },
    athena: { workgroup: "primary", output_location: "s3://nocturne-artifacts/athena/" },
  };
}

/** The same configuration with the connection `default` pointed at a local-aws that answers at `url`. */
export function withLocalAws(config: Config, url: string): Config {
  const local: Connection = { name: "default", region: "us-east-1", settings: localAwsSettings(url) };
  // A loopback service costs nothing to ask and shows at once what it did (protocol rules 16 and 21).
  const engine = {
    ...config.engine,
    pollMinMs: Math.min(config.engine.pollMinMs, 20),
    // On a fast clock a long wait between looks would be hours of the night, and dollars of its budget.
    pollMaxMs: Math.min(config.engine.pollMaxMs, 250),
    visibilityMs: config.engine.visibilityMs ?? 1_000,
  };
  return { ...config, aws: "local", engine, connections: { ...config.connections, default: local } };
}

function refuseUnless(type: z.ZodType, value: unknown, name: string): void {
  const parsed = type.safeParse(value);
  if (!parsed.success) throw usage(`${name}: ${parsed.error.issues[0]?.message ?? "not usable"}`);
}

function findFile(said: string | undefined, home: string | undefined, cwd: string): string | null {
  if (said !== undefined) {
    const file = resolve(cwd, said);
    if (!existsSync(file)) throw usage(`--config ${said}: no such file`);
    return file;
  }
  const places = [join(cwd, "nocturne.yaml"), join(resolve(cwd, home ?? ".nocturne"), "nocturne.yaml")];
  // A home that was named goes first: `nocturne runs list --home .nocturne/demo` means that one's settings.
  if (home !== undefined) places.reverse();
  return places.find((place) => existsSync(place)) ?? null;
}

function readConfigFile(file: string): FileKeys {
  const lines = new LineCounter();
  const document = parseDocument(readFileSync(file, "utf8"), { lineCounter: lines, prettyErrors: false });
  const problem = (message: string, offset: number, length: number, didYouMean?: string): Problem => {
    const { line, col } = lines.linePos(offset);
    const at = { file, line, column: col, length };
    return { code: "CONFIG_INVALID", message, at, ...(didYouMean === undefined ? {} : { didYouMean }) };
  };
  if (document.errors.length > 0) {
    throw new NocturneError(document.errors.map(({ message, pos }) => problem(message, pos[0], pos[1] - pos[0])));
  }
  const parsed = fileKeys.safeParse(document.toJS() ?? {});
  if (parsed.success) return parsed.data;
  throw new NocturneError(
    parsed.error.issues.flatMap((issue) => {
      if (issue.code !== "unrecognized_keys") {
        const [start = 0, end = 0] = valueRange(document, issue.path);
        return [problem(`${issue.path.join(".")}: ${issue.message}`, start, end - start)];
      }
      return issue.keys.map((key) => {
        const [start = 0, end = 0] = keyRange(document, issue.path, key);
        const known = { engine: engineKeys, retention: retentionKeys }[String(issue.path[0])] ?? fileKeys;
        const near = nearest(key, Object.keys(known.shape));
        return problem(`${[...issue.path, key].join(".")}: no such key`, start, end - start, near);
      });
    }),
  );
}

function valueRange(document: Document, path: readonly PropertyKey[]): readonly number[] {
  for (let length = path.length; length >= 0; length -= 1) {
    const node = document.getIn(path.slice(0, length), true) as Node | undefined;
    if (node?.range) return node.range;
  }
  return [0, 0];
}

function keyRange(document: Document, path: readonly PropertyKey[], key: string): readonly number[] {
  const map = path.length === 0 ? document.contents : document.getIn(path, true);
  const pair = isMap(map) ? map.items.find((item) => isScalar(item.key) && String(item.key.value) === key) : undefined;
  return (pair?.key as Node | undefined)?.range ?? [0, 0];
}

type Env = (name: string) => string | undefined;

function connectionsOf(said: FileKeys, region: string, env: Env): Record<string, Connection> {
  const entries = Object.entries({ default: {}, ...said.connections }).map(
    ([name, { region: own, ...settings }]: [string, { region?: string | undefined; [key: string]: unknown }]) => [
      name,
      { name, region: own ?? region, settings: withPostgresUrl(settings as JsonObject, env) },
    ],
  );
  return Object.fromEntries(entries) as Record<string, Connection>;
}

/** A password may stay out of the file: `postgres: { url_env: NAME }` names the variable that holds the address. */
function withPostgresUrl(settings: JsonObject, env: Env): JsonObject {
  const postgres = settings["postgres"] as JsonObject | null | undefined;
  const name = postgres?.["url_env"];
  const url = typeof name === "string" ? env(name) : undefined;
  return url === undefined ? settings : { ...settings, postgres: { ...postgres, url } };
}

function settingsOf(said: z.infer<typeof engineKeys>): EngineSettings {
  return {
    writerTtlMs: said.writer_ttl ?? DEFAULT_SETTINGS.writerTtlMs,
    writerRenewMs: said.writer_renew ?? DEFAULT_SETTINGS.writerRenewMs,
    sendWindowMs: said.send_window ?? DEFAULT_SETTINGS.sendWindowMs,
    requestLimitMs: said.request_limit ?? DEFAULT_SETTINGS.requestLimitMs,
    visibilityMs: said.visibility ?? DEFAULT_SETTINGS.visibilityMs,
    pushbackMs: DEFAULT_SETTINGS.pushbackMs,
    repeatMs: DEFAULT_SETTINGS.repeatMs,
    alertWindowMs: said.alert_window ?? DEFAULT_SETTINGS.alertWindowMs,
    searchAgainMs: said.search_again ?? DEFAULT_SETTINGS.searchAgainMs,
    lostAfterMs: said.lost_after ?? DEFAULT_SETTINGS.lostAfterMs,
    pollMinMs: said.poll_min ?? DEFAULT_SETTINGS.pollMinMs,
    pollMaxMs: said.poll_max ?? DEFAULT_SETTINGS.pollMaxMs,
    endingAlarmMs: said.ending_alarm ?? DEFAULT_SETTINGS.endingAlarmMs,
    maxSubmits: said.max_submits ?? DEFAULT_SETTINGS.maxSubmits,
    maxNewRowsPerFlush: said.max_new_rows_per_flush ?? DEFAULT_SETTINGS.maxNewRowsPerFlush,
  };
}

const usage = (message: string): NocturneError => new NocturneError({ code: "USAGE", message });
