import { z } from "zod";

const name = z.string().regex(/^[A-Za-z_][\w.-]*$/, "expected a name such as input.sales");

/** Names that the service or Nocturne itself gives to the script. */
const RESERVED: ReadonlySet<string> = new Set([
  "nocturne-launch-key",
  "scriptLocation",
  "JOB_NAME",
  "JOB_ID",
  "JOB_RUN_ID",
]);

/** What a Spark script is given: files, uploaded by content hash and handed over as their URI, and arguments. */
export const sparkScript = {
  script: z.string().min(1).describe("path of the PySpark script in the project, or s3://…"),
  files: z.record(name, z.string().min(1)).default({}).describe("argument name: path of a file in the project"),
  arguments: z.record(name, z.union([z.string(), z.number()])).default({}),
};

interface ScriptArguments {
  readonly files: Readonly<Record<string, string>>;
  readonly arguments: Readonly<Record<string, string | number>>;
}

/** Every argument has one giver: `files`, `arguments`, or the service. */
export function checkArguments(params: ScriptArguments, context: z.RefinementCtx): void {
  for (const each of Object.keys(params.arguments)) {
    const taken = RESERVED.has(each) ? "is set by Nocturne or Glue" : each in params.files ? "is also in files" : null;
    if (taken === null) continue;
    context.addIssue({ code: "custom", path: ["arguments", each], message: `--${each} ${taken}` });
  }
}

/** `--name value` for each file's URI and each argument. */
export function argumentsOf(params: ScriptArguments, uris: Readonly<Record<string, string>>): Record<string, string> {
  const all = Object.entries({ ...uris, ...params.arguments });
  return Object.fromEntries(all.map(([each, value]) => [`--${each}`, String(value)]));
}
