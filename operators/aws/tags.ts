import type { OperatorContext } from "../../engine/core/operator.ts";

/** The tags of what one attempt starts, so that Cost Explorer can tell them apart. */
export const attemptTags = (context: OperatorContext): Readonly<Record<string, string>> => ({
  "nocturne:dag": tagValue(context.dagId),
  "nocturne:run": tagValue(context.dagRunId),
  "nocturne:task": tagValue(context.taskId),
  "nocturne:attempt": String(context.tryNumber),
});

/** What a tag's value may hold, at most 256 characters. */
export const tagValue = (text: string): string => text.replace(/[^\p{L}\p{Z}\p{N}_.:/=+\-@]/gu, "_").slice(0, 256);
