import type { Connection } from "../../engine/core/operator.ts";
import { clientOf } from "../aws/clients.ts";
import { isNamed } from "../aws/errors.ts";

/** Where Glue writes: what went wrong is in the first, what the script printed in the second. */
const GROUPS = ["/aws-glue/jobs/error", "/aws-glue/jobs/output"];

/** The last lines of the run's log, oldest first; [] when it wrote none. */
export async function lastLogLines(
  connection: Connection,
  runId: string,
  lines: number,
  signal: AbortSignal,
): Promise<string[]> {
  const { CloudWatchLogsClient, GetLogEventsCommand } = await import("@aws-sdk/client-cloudwatch-logs");
  const client = clientOf(connection, "logs", "look", (config) => new CloudWatchLogsClient(config));
  for (const logGroupName of GROUPS) {
    const read = new GetLogEventsCommand({ logGroupName, logStreamName: runId, limit: lines, startFromHead: false });
    try {
      const { events = [] } = await client.send(read, { abortSignal: signal });
      const texts = events.flatMap(({ message = "" }) => message.trimEnd().split("\n"));
      if (texts.length > 0) return texts.slice(-lines);
    } catch (error) {
      if (!isNamed(error, "ResourceNotFoundException")) throw error;
    }
  }
  return [];
}
