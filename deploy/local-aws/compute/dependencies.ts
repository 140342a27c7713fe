import type { ServiceDependencies } from "../contract.ts";
import type { Faults } from "../faults.ts";
import type { LogStore } from "../logs/log-store.ts";
import type { ObjectStore } from "../s3/object-store.ts";
import type { SparkScripts } from "./spark-scripts.ts";

/** What the services that run Spark scripts need beside what every service gets. */
export interface ComputeDependencies extends ServiceDependencies {
  readonly store: ObjectStore;
  readonly scripts: SparkScripts;
  readonly logs: LogStore;
  readonly faults: Faults;
  /** How long an EMR cluster takes for each of starting, bootstrapping and terminating. */
  readonly clusterLatencyMs: number;
}
