import type { Config } from "../config.ts";
import type { LoadedDag } from "../core/dag.ts";
import type { Problem } from "../core/errors.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import type { TimeScale } from "../core/time-scale.ts";
import type { Engine } from "../runtime/engine.ts";
import type { ArchiveWish, MonthOutcome } from "../store/archive/archive.ts";
import type { Store } from "../store/open.ts";

/** The store of a fleet, open and migrated. */
export interface OpenStore {
  readonly store: Store;
  /** What this Postgres lacks without forbidding to work: DATABASE_UNSAFE. */
  readonly warnings: readonly Problem[];
  /** Closes the connections and stops the embedded Postgres if nobody else uses it. */
  close(): Promise<void>;
}

/** How an engine works besides what the configuration says. */
export interface EngineOptions {
  /** Whether schedules are followed and deadlines decided: by the running system alone. */
  readonly plans: boolean;
  readonly time: TimeScale;
  /** Mails have been written. */
  readonly onMails: () => void;
}

/** What sends the mails that the outbox owes. */
export interface Alerter {
  ring(): void;
  settled(): Promise<void>;
  /** Mails under way finish. */
  stop(): Promise<void>;
}

/** Where mails go: to a server, into a folder, or nowhere until SMTP_URL is set. */
export type MailRoute =
  { readonly kind: "smtp" } | { readonly kind: "inbox"; readonly folder: string } | { readonly kind: "none" };

export interface ApiWish {
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** How fast the clock of the fleet runs. */
  readonly time: TimeScale;
  readonly isReady: () => boolean;
  /** false: a process that only serves is ready whether or not a writer lives. */
  readonly hasEngine: boolean;
}

/** What the composition root hands to the commands. Everything is made when a command asks for it. */
export interface App {
  readonly version: string;
  operators(): Promise<readonly OperatorDescriptor[]>;
  /** config.databaseUrl, else the embedded Postgres of config.home. Throws DATABASE_TOO_OLD and DATABASE_POOLER. */
  openStore(config: Config): Promise<OpenStore>;
  /** An engine in this process: takes the writer's row, or stands by while another process holds it. */
  startEngine(config: Config, store: Store, dags: readonly LoadedDag[], options: EngineOptions): Promise<Engine>;
  mailRoute(config: Config): MailRoute;
  /** `onTrouble`: what keeps mails from going out, and null when it is over. `publicUrl`: for links. */
  startAlerter(
    config: Config,
    store: Store,
    options: { readonly publicUrl: string | null; readonly onTrouble: (problem: Problem | null) => void },
  ): Promise<Alerter>;
  /** Serves /api/v2. Throws PORT_TAKEN. */
  startApi(config: Config, store: Store, wish: ApiWish): Promise<{ readonly url: string; close(): Promise<void> }>;
  /** Moves months of ended runs into files (docs/guide/archive.md). Throws ARCHIVE_BUSY, ARCHIVE_FOLDER, ARCHIVE_DAMAGED. */
  archive(store: Store, wish: ArchiveWish): Promise<readonly MonthOutcome[]>;
  /** Forgets what nobody needs any more, and makes room for the next months' runs. */
  cleanUp(store: Store): Promise<void>;
  /** Removes the store's schema with everything in it: for fleets that only a command made for itself. */
  dropFleet(store: Store): Promise<void>;
}
