import type { Instant, JsonObject } from "./json.ts";
import type { DeliveryResult } from "./notify/delivery.ts";
import type { SubRuns } from "./sub-runs.ts";

/** A mail that a task sends. */
export interface TaskMail {
  /** Without angle brackets; the same for every send of one launch. */
  readonly messageId: string;
  readonly dagId: string;
  readonly to: readonly string[];
  readonly cc: readonly string[];
  readonly subject: string;
  readonly text: string;
  /** null: plain text alone. */
  readonly html: string | null;
  readonly at: Instant;
}

/** What this machine gives to the operators whose work runs on it (protocol rule 19). They read no environment themselves. */
export interface OperatorHost {
  /** Absolute path of the folder above dags/: commands run in it or below it. */
  readonly projectFolder: string;
  /** All that a command finds in its environment before the task adds to it. Never a secret. */
  readonly environment: Readonly<Record<string, string>>;
  /** The settings of a connection of nocturne.yaml; null: it names none such. */
  connectionSettings(name: string): JsonObject | null;
  /** How many commands may run at once. */
  readonly maxCommands: number;
  /** Tries once, over the mail server of the configuration or into its inbox folder. Never throws for what a server does. */
  sendMail(mail: TaskMail): Promise<DeliveryResult>;
  /** Runs of other DAGs of the same database. */
  readonly subRuns: SubRuns;
}
