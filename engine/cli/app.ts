import type { Config } from "../config.ts";
import type { LoadedDag } from "../core/dag.ts";
import type { Problem } from "../core/errors.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import type { Engine } from "../runtime/engine.ts";
import type { Store } from "../store/open.ts";

/** The store of a fleet, open and migrated. */
export interface OpenStore {
  readonly store: Store;
  /** What this Postgres lacks without forbidding to work: DATABASE_UNSAFE. */
  readonly warnings: readonly Problem[];
  /** Closes the connections and stops the embedded Postgres if nobody else uses it. */
  close(): Promise<void>;
}

/** What the composition root hands to the commands. Everything is made when a command asks for it. */
export interface App {
  readonly version: string;
  operators(): Promise<readonly OperatorDescriptor[]>;
  /** config.databaseUrl, else the embedded Postgres of config.home. Throws DATABASE_TOO_OLD and DATABASE_POOLER. */
  openStore(config: Config): Promise<OpenStore>;
  /** An engine in this process: takes the writer's row, or stands by while another process holds it. */
  startEngine(config: Config, store: Store, dags: readonly LoadedDag[]): Promise<Engine>;
}
