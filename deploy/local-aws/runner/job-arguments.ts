import { join, resolve, sep } from "node:path";

/** Where an input or output lies: `s3://bucket/prefix/?format=csv&key=value`. */
export interface Location {
  readonly uri: string;
  readonly path: string;
  readonly format: string;
  readonly options: ReadonlyMap<string, string>;
}

export interface JobArguments {
  readonly sql: string;
  readonly inputs: ReadonlyMap<string, Location>;
  readonly outputs: ReadonlyMap<string, Location>;
  readonly params: ReadonlyMap<string, string>;
}

const INPUT_OPTIONS = ["partition", "from", "to"];
const OUTPUT_OPTIONS = ["mode", "files"];

/** run_sql.py's arguments, understood the same way. Others (--JOB_NAME, --nocturne-launch-key) belong to the service and are left alone. */
export function readArguments(given: Readonly<Record<string, string>>, s3Root: string): JobArguments {
  const inputs = new Map<string, Location>();
  const outputs = new Map<string, Location>();
  const params = new Map<string, string>();
  for (const [key, value] of Object.entries(given)) {
    const [kind, name] = splitKey(key);
    if (kind === "param") params.set(name, value);
    if (kind === "input") inputs.set(name, readLocation(key, value, ["csv", "json", "parquet"], INPUT_OPTIONS, s3Root));
    if (kind === "output") outputs.set(name, readLocation(key, value, ["parquet"], OUTPUT_OPTIONS, s3Root));
  }
  if (given["sql"] === undefined) throw new Error("--sql is missing: the URI of the SQL file to run");
  if (outputs.size === 0) throw new Error("--output.<name> is missing: nothing would be written");
  return { sql: localPath(given["sql"], s3Root), inputs, outputs, params };
}

function splitKey(key: string): [string, string] {
  const dot = key.indexOf(".");
  return dot < 0 ? [key, ""] : [key.slice(0, dot), key.slice(dot + 1)];
}

function readLocation(
  key: string,
  text: string,
  formats: readonly string[],
  allowed: readonly string[],
  s3Root: string,
): Location {
  const mark = text.indexOf("?");
  const uri = mark < 0 ? text : text.slice(0, mark);
  const options = new Map(new URLSearchParams(mark < 0 ? "" : text.slice(mark + 1)));
  const format = options.get("format") ?? "";
  options.delete("format");
  if (!formats.includes(format)) throw new Error(`--${key}: format is ${formats.join(", ")}, not "${format}"`);
  for (const name of options.keys()) {
    if (!allowed.includes(name)) throw new Error(`--${key}: unknown option "${name}"; known: ${allowed.join(", ")}`);
  }
  if ((options.get("mode") ?? "overwrite") !== "overwrite") throw new Error(`--${key}: the only mode is overwrite`);
  return { uri, path: localPath(uri, s3Root), format, options };
}

/** The file or folder of s3://bucket/key. Throws where the key would leave its bucket. */
function localPath(uri: string, s3Root: string): string {
  const match = /^s3:\/\/([a-z0-9][a-z0-9.-]+)\/(.*)$/.exec(uri);
  if (!match) throw new Error(`not an S3 URI: ${uri}`);
  const bucket = resolve(s3Root, match[1]!);
  const path = join(bucket, match[2]!);
  if (path !== bucket && !path.startsWith(bucket + sep)) throw new Error(`not a key of its bucket: ${uri}`);
  return path;
}
