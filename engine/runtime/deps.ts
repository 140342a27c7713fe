import type { LoadedDag, DagSpec, TaskSpec } from "../core/dag.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { Price } from "../core/pricing/price.ts";
import type { AnyOperator, Connection, OperatorDescriptor } from "../core/operator.ts";
import type { Prepared } from "../core/prepared.ts";
import type { DagRun, PrevSuccess } from "../core/records.ts";
import type { EngineSettings } from "../core/settings.ts";
import type { TimeScale } from "../core/time-scale.ts";
import type { Store } from "../store/open.ts";

/** What rendering a task's parameters needs. Outputs are those of its upstreams, by task id, where its templates may name any. */
export interface PrepareRequest {
  readonly spec: DagSpec;
  readonly run: DagRun;
  readonly task: TaskSpec;
  readonly tryNumber: number;
  readonly outputs: Readonly<Record<string, Json>>;
  /** The variables, by name. */
  readonly vars: JsonObject;
  /** The DAG's last success before this run; null: there was none, or no template of the DAG names it. */
  readonly prevSuccess: PrevSuccess | null;
  /** The instance of a mapped task that is rendered; null: the task is none, or it is to be said what it is mapped over. */
  readonly mapped: { readonly item: Json; readonly mapIndex: number } | null;
  /** The list that a `listed` answer asked for. */
  readonly list?: readonly Json[];
}

export interface EngineLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** All that the engine is given from outside its room. */
export interface EngineDeps {
  readonly store: Store;
  readonly settings: EngineSettings;
  /** The DAGs as read from their files: published when they differ from what is stored. */
  readonly dags: readonly LoadedDag[];
  /** Whether schedules are followed and deadlines decided: by the running system, not by a command that only carries out its own wish. */
  readonly plans: boolean;
  /** Whether it tries for ever to reach its database again, as a running system does whose Postgres is somebody else's to start. */
  readonly waitsForDatabase: boolean;
  /** How fast the engine's clock runs, and from where. */
  readonly time: TimeScale;
  /** Mails have been written: whoever sends them may look. */
  onMails(): void;
  readonly operators: ReadonlyMap<string, OperatorDescriptor>;
  /** The loaded operator of a type; loading is cached by the injector. */
  operator(type: string): Promise<AnyOperator>;
  connection(name: string, region: string | null): Connection;
  /** Ends the work that operators do in this process (rule 19): another process writes now, or none. */
  letGo(): void;
  prepare(request: PrepareRequest): Prepared;
  /** The concurrency key of a run, from its DAG's template; an exception says why there is none. */
  concurrencyKey(spec: DagSpec, run: DagRun, template: string, vars: JsonObject): string;
  /** The list at an S3 URI that a task is mapped over; an exception says why it cannot be had. */
  readList(uri: string, connection: Connection, signal: AbortSignal): Promise<readonly Json[]>;
  priceOf(usageKind: string): Price;
  readonly log: EngineLog;
}

/** DAG files that changed: those to publish, and the ids whose files are gone. */
export interface DagChange {
  readonly dags: readonly LoadedDag[];
  readonly gone: readonly string[];
}
