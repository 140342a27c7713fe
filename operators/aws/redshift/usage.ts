import type { Connection, Usage } from "../../../engine/core/operator.ts";
import { settingsOf } from "../connection-settings.ts";
import { unitHours } from "../quantities.ts";

/** Serverless bills at least one minute whenever it wakes. Source: Amazon Redshift pricing. */
const MINIMUM_SECONDS = 60;
/** What a workgroup has when nobody set its base capacity. Source: the Redshift management guide. */
const DEFAULT_BASE_RPU = 128;

/** elapsed x base RPUs: an estimate, since Serverless bills the workgroup and not the statement. A cluster is paid by the hour whether it works or not. */
export function usageOf(connection: Connection, elapsedSeconds: number): Usage[] {
  const { workgroup, base_rpu = DEFAULT_BASE_RPU } = settingsOf(connection).redshift;
  if (workgroup === undefined) return [];
  const quantity = unitHours(Math.max(MINIMUM_SECONDS, elapsedSeconds), base_rpu);
  return [{ kind: "redshift.rpu_hour", quantity, unit: "RPU-hour" }];
}
