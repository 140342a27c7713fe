import type { LoadedDag } from "../../engine/core/dag.ts";
import { dagOf, type BenchTask } from "./dags.ts";

/** Athena's and Glue's share of each run. */
const TASKS_OF_EACH = 50;
/** Shared by the Glue tasks of all runs. */
const JOB_NAMES = 20;

const athena = (index: number): BenchTask => ({
  taskId: `athena_${index}`,
  operator: "athena.query",
  with: { sql: "SELECT count(*) AS lines FROM sales" },
});

const glue = (index: number): BenchTask => ({
  taskId: `glue_${index}`,
  operator: "glue.job",
  with: { job: `job-${index % JOB_NAMES}`, script: "s3://bench/script.py", worker_type: "G.1X", workers: 10 },
});

/** Half Athena, half Glue; nothing waits for anything. */
export const inFlightDag: LoadedDag = dagOf(
  "in_flight",
  Array.from({ length: TASKS_OF_EACH }, (_, index) => [athena(index), glue(index)]).flat(),
);
