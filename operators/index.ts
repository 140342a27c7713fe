import type { OperatorDescriptor } from "../engine/core/operator.ts";
import { approvalFacts } from "./approval/params.ts";
import { athenaCheckFacts } from "./athena-check/params.ts";
import { athenaQueryFacts } from "./athena-query/params.ts";
import { branchFacts } from "./branch/params.ts";
import { dagTriggerFacts } from "./dag-trigger/params.ts";
import { emailSendFacts } from "./email-send/params.ts";
import { emrClusterFacts } from "./emr-cluster/params.ts";
import { emrStepFacts } from "./emr-step/params.ts";
import { emrTerminateFacts } from "./emr-terminate/params.ts";
import { glueJobFacts } from "./glue-job/params.ts";
import { httpRequestFacts } from "./http-request/params.ts";
import { noopFacts } from "./noop/params.ts";
import { redshiftCopyFacts } from "./redshift-copy/params.ts";
import { redshiftMergeFacts } from "./redshift-merge/params.ts";
import { redshiftSqlFacts } from "./redshift-sql/params.ts";
import { s3WaitFacts } from "./s3-wait/params.ts";
import { shellRunFacts } from "./shell-run/params.ts";
import { shortCircuitFacts } from "./short-circuit/params.ts";
import { sqlPostgresFacts } from "./sql-postgres/params.ts";
import { waitUntilFacts } from "./wait-until/params.ts";

/** Every operator, by type. The AWS clients are loaded by `load`, not by reading a DAG. */
export const operatorDescriptors: readonly OperatorDescriptor[] = [
  { ...approvalFacts, load: async () => (await import("./approval/operator.ts")).approval },
  { ...athenaCheckFacts, load: async () => (await import("./athena-check/operator.ts")).athenaCheck },
  { ...athenaQueryFacts, load: async () => (await import("./athena-query/operator.ts")).athenaQuery },
  { ...branchFacts, load: async () => (await import("./branch/operator.ts")).branch },
  { ...dagTriggerFacts, load: async (host) => (await import("./dag-trigger/operator.ts")).dagTrigger(host) },
  { ...emailSendFacts, load: async (host) => (await import("./email-send/operator.ts")).emailSend(host) },
  { ...emrClusterFacts, load: async () => (await import("./emr-cluster/operator.ts")).emrCluster },
  { ...emrStepFacts, load: async () => (await import("./emr-step/operator.ts")).emrStep },
  { ...emrTerminateFacts, load: async () => (await import("./emr-terminate/operator.ts")).emrTerminate },
  { ...glueJobFacts, load: async () => (await import("./glue-job/operator.ts")).glueJob },
  { ...httpRequestFacts, load: async (host) => (await import("./http-request/operator.ts")).httpRequest(host) },
  { ...noopFacts, load: async () => (await import("./noop/operator.ts")).noop },
  { ...redshiftCopyFacts, load: async () => (await import("./redshift-copy/operator.ts")).redshiftCopy },
  { ...redshiftMergeFacts, load: async () => (await import("./redshift-merge/operator.ts")).redshiftMerge },
  { ...redshiftSqlFacts, load: async () => (await import("./redshift-sql/operator.ts")).redshiftSql },
  { ...s3WaitFacts, load: async () => (await import("./s3-wait/operator.ts")).s3Wait },
  { ...shellRunFacts, load: async (host) => (await import("./shell-run/operator.ts")).shellRun(host) },
  { ...shortCircuitFacts, load: async () => (await import("./short-circuit/operator.ts")).shortCircuit },
  { ...sqlPostgresFacts, load: async (host) => (await import("./sql-postgres/operator.ts")).sqlPostgres(host) },
  { ...waitUntilFacts, load: async () => (await import("./wait-until/operator.ts")).waitUntil },
];
