import type { QueryExecution } from "@aws-sdk/client-athena";
import type { Usage } from "../../../engine/core/operator.ts";
import { unitsOf } from "../quantities.ts";

const MB = 1024 ** 2;
const TB = 1024 ** 4;
const MINIMUM_MB = 10;

/**
 * Bytes scanned, rounded up to the megabyte, at least ten: for DML that succeeded. What was cancelled costs what it had
 * scanned; DDL, what failed, and a result that was reused cost nothing. Source: Amazon Athena pricing.
 */
export function usageOf({ StatementType, Statistics, Status }: QueryExecution): Usage[] {
  const bytes = Statistics?.DataScannedInBytes ?? 0;
  const isReused = Statistics?.ResultReuseInformation?.ReusedPreviousResult === true;
  if (StatementType !== "DML" || Status?.State === "FAILED" || isReused) return [];
  if (Status?.State !== "SUCCEEDED" && bytes === 0) return [];
  return [scanned(Math.max(MINIMUM_MB, Math.ceil(bytes / MB)))];
}

/** The least a query costs: what it scans is not in its parameters. */
export const leastUsage = (): Usage[] => [scanned(MINIMUM_MB)];

const scanned = (megabytes: number): Usage => ({
  kind: "athena.tb_scanned",
  quantity: unitsOf(megabytes * MB, TB),
  unit: "TB",
});
