import type { Json, JsonObject } from "./json.ts";
import type { TaskFailure } from "./operator.ts";

/** What rendering a task that is ready comes to (protocol rule 12). Nothing of it is durable. */
export type Prepared =
  /** What a launch will send, complete, and its SHA-256. */
  | { readonly kind: "ready"; readonly params: JsonObject; readonly hash: string }
  /** Its `when` is false. */
  | { readonly kind: "unwanted"; readonly why: string }
  /** What a mapped task is mapped over. */
  | { readonly kind: "mapped"; readonly items: readonly Json[]; readonly labels: readonly string[] | null }
  /** The same, but the list lies in S3 and is still to be read. */
  | { readonly kind: "listed"; readonly uri: string }
  | { readonly kind: "refused"; readonly failure: TaskFailure };
