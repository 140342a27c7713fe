import type { Json } from "../../engine/core/json.ts";
import type { ErrorCode } from "../../engine/core/errors.ts";
import type { FailureClass } from "../../engine/core/operator.ts";
import type { Outcome } from "./works.ts";

/** What one task may leave behind for others; larger things go to a file or to S3, and their address into the output. */
export const OUTPUT_MAX = 64 * 1024;

export const failed = (failureClass: FailureClass, code: ErrorCode, message: string): Outcome => ({
  kind: "failed",
  failure: { class: failureClass, code, message },
});

export const tooLarge = (what: string): Outcome =>
  failed("permanent", "OUTPUT_TOO_LARGE", `${what} is larger than ${OUTPUT_MAX / 1024} KiB`);

/** The output as the task leaves it, unless it is too large. */
export function succeeded(output: Json, what: string): Outcome {
  return Buffer.byteLength(JSON.stringify(output)) > OUTPUT_MAX ? tooLarge(what) : { kind: "succeeded", output };
}
