import type { Draws } from "./draws.ts";
import type { Certainty } from "./certainty.ts";

/** A fault as local-aws takes it. */
export interface Fault {
  readonly operation: string;
  readonly kind: string;
  readonly times: number;
  readonly ms?: number;
}

type Happening =
  /** kill -9 of one process; `oldest` is the likeliest to write. Another one starts after `againMs`. */
  | { readonly kind: "kill"; readonly which: "oldest" | "newest"; readonly againMs: number }
  | { readonly kind: "kill_all"; readonly againMs: number }
  /** SIGSTOP, and SIGCONT after `forMs`: longer than the writer's row is valid, or shorter. */
  | { readonly kind: "freeze"; readonly which: "oldest" | "newest"; readonly forMs: number }
  | { readonly kind: "start" }
  | { readonly kind: "kill_aws"; readonly againMs: number }
  | { readonly kind: "fault"; readonly fault: Fault }
  | { readonly kind: "clear"; readonly run: number; readonly task: number; readonly withDownstream: boolean }
  | {
      readonly kind: "mark";
      readonly run: number;
      readonly task: number;
      readonly state: "success" | "failed" | "skipped";
    }
  | { readonly kind: "cancel"; readonly run: number };

/** Something that happens once this share of the work is done, `delayMs` later. */
export type Incident = Happening & { readonly share: number; readonly delayMs: number };

const SUBMITS = ["Athena.StartQueryExecution", "RedshiftData.BatchExecuteStatement", "Glue.StartJobRun"] as const;
const OTHERS = [
  ...["Athena.BatchGetQueryExecution", "Athena.GetQueryResults", "Athena.StopQueryExecution"],
  ...["RedshiftData.DescribeStatement", "RedshiftData.GetStatementResult", "RedshiftData.CancelStatement"],
  ...["Glue.GetJobRun", "Glue.GetJobRuns", "Glue.GetJob", "Glue.CreateJob", "Glue.BatchStopJobRun"],
  ...["EMR.RunJobFlow", "EMR.AddJobFlowSteps", "EMR.DescribeCluster", "EMR.ListClusters", "EMR.ListSteps"],
  ...["EMR.DescribeStep", "EMR.TerminateJobFlows", "S3.PutObject", "S3.HeadObject", "*"],
] as const;
const KINDS = [
  "throttle",
  "error500",
  "html503",
  "reset_before",
  "reset_after",
  "reset_after",
  "hang",
  "hang_after",
] as const;

/** Half of them strike a submit: there a lost reply can cost a second job. */
export function drawFault(draws: Draws): Fault {
  const operation = draws.chance(0.5) ? draws.pick(SUBMITS) : draws.pick(OTHERS);
  if (operation === "Glue.StartJobRun" && draws.chance(0.3)) {
    return { operation, kind: "stall_run", times: 1, ms: draws.int(200, 1_500) };
  }
  const kind = draws.pick(KINDS);
  const times = draws.int(1, kind === "throttle" ? 1 : 2);
  // Longer than the limit of one request, so that the client gives up first, or shorter.
  return kind.startsWith("hang") ? { operation, kind, times, ms: draws.int(50, 900) } : { operation, kind, times };
}

export function drawIncidents(draws: Draws, certainty: Certainty): Incident[] {
  const wanted = [
    ...draws.times(draws.int(2, 6), () => drawFault(draws)).map((fault) => ({ kind: "fault", fault }) as const),
    ...draws.times(draws.int(1, 4), () => violence(draws)),
    ...(certainty === "exact" ? [] : draws.times(draws.int(1, 3), () => act(draws, certainty))),
  ];
  const when = () => ({ share: draws.chance(0.2) ? 0 : draws.unit(), delayMs: draws.int(0, 60) });
  return wanted.map((each) => ({ ...each, ...when() })).sort((a, b) => a.share - b.share);
}

function violence(draws: Draws): Happening {
  const which = draws.chance(0.7) ? "oldest" : "newest";
  const againMs = draws.int(0, 300);
  const dice = draws.unit();
  if (dice < 0.45) return { kind: "kill", which, againMs };
  if (dice < 0.6) return { kind: "kill_all", againMs };
  if (dice < 0.75) return { kind: "freeze", which, forMs: draws.pick([300, 1_300, 2_000]) };
  if (dice < 0.85) return { kind: "start" };
  return { kind: "kill_aws", againMs: draws.int(0, 500) };
}

function act(draws: Draws, certainty: Certainty): Happening {
  const [run, task] = [draws.int(0, 99), draws.int(0, 99)];
  if (certainty === "cleared" || draws.chance(0.3)) {
    return { kind: "clear", run, task, withDownstream: draws.chance(0.4) };
  }
  if (draws.chance(0.3)) return { kind: "cancel", run };
  return { kind: "mark", run, task, state: draws.pick(["success", "failed", "skipped"]) };
}
