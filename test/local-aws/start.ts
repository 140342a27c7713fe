import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import { EMRClient } from "@aws-sdk/client-emr";
import { GlueClient } from "@aws-sdk/client-glue";
import { S3Client } from "@aws-sdk/client-s3";
import { STSClient } from "@aws-sdk/client-sts";
import { onTestFinished } from "vitest";
import { startLocalAws, type LocalAws, type LocalAwsOptions } from "../../deploy/local-aws/server.ts";

/** A runner that does what its `sql` argument says, so that tests can see jobs succeed, fail, hang, die and be cancelled. */
const RUNNER = `
process.on("disconnect", () => process.exit(0));
process.on("message", ({ arguments: args }) => {
  process.send({ kind: "log", line: "asked for " + args.sql });
  if (args.sql === "hang") return;
  if (args.sql === "die") process.exit(3);
  process.send({ kind: "ended", error: args.sql === "fail" ? "column net_sales is missing" : null });
});
`;

export async function temporaryHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "local-aws-"));
  onTestFinished(() => rm(home, { recursive: true, force: true, maxRetries: 3 }));
  return home;
}

/** local-aws in this process, on a free port, gone when the test is. */
export async function startServer(options: Partial<LocalAwsOptions> = {}): Promise<LocalAws> {
  const home = options.home ?? (await temporaryHome());
  const runner = join(home, "runner.mjs");
  await writeFile(runner, RUNNER);
  const local = await startLocalAws({ home, runner, clusterLatencyMs: 5, ...options });
  onTestFinished(() => local.stop());
  return local;
}

/** The real SDK clients, each request sent once unless `maxAttempts` says otherwise. */
export function clientsOf(url: string, maxAttempts = 1, secretAccessKey = "local", accessKeyId = "local") {
  const common = { endpoint: url, region: "us-east-1", maxAttempts, credentials: { accessKeyId, secretAccessKey } };
  return {
    s3: new S3Client({ ...common, forcePathStyle: true }),
    glue: new GlueClient(common),
    emr: new EMRClient(common),
    logs: new CloudWatchLogsClient(common),
    sts: new STSClient(common),
  };
}

/** Asks local-aws itself. */
export async function ask(url: string, method: string, path: string, body?: unknown): Promise<unknown> {
  const init = body === undefined ? { method } : { method, body: JSON.stringify(body) };
  return (await fetch(`${url}/_local/${path}`, init)).json();
}
