import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Connection } from "../../engine/core/operator.ts";
import { isNamed } from "../aws/errors.ts";
import { s3Of, s3Parts } from "../aws/s3.ts";

/** The last lines of the first of the step's logs that says something; [] while EMR has not put them into S3. */
export async function lastLogLines(
  connection: Connection,
  logUri: string,
  ref: { readonly cluster_id: string; readonly step_id: string },
  lines: number,
  signal: AbortSignal,
): Promise<string[]> {
  const { client, sdk } = await s3Of(connection);
  const folder = `${logUri.replace(/\/+$/, "")}/${ref.cluster_id}/steps/${ref.step_id}`;
  for (const name of ["stderr.gz", "stdout.gz"]) {
    try {
      const object = await client.send(new sdk.GetObjectCommand(s3Parts(`${folder}/${name}`)), { abortSignal: signal });
      const bytes = (await object.Body?.transformToByteArray()) ?? new Uint8Array();
      const text = (await promisify(gunzip)(bytes)).toString("utf8").trimEnd();
      if (text !== "") return text.split("\n").slice(-lines);
    } catch (error) {
      if (!isNamed(error, "NoSuchKey", "NoSuchBucket")) throw error;
    }
  }
  return [];
}
