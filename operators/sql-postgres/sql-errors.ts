import { failed } from "../in-process/output.ts";
import type { Outcome } from "../in-process/works.ts";

/** An error as pg makes it of the server's. */
interface ServerError extends Error {
  readonly code?: string;
  readonly position?: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly severity?: string;
}

/** Serialization failure, deadlock, lock not to be had, and a server that stops or starts: another try may find it otherwise. */
const AGAIN = /^(40001|40P01|55P03|57P0[123]|08...)$/;
/** Out of connections, memory or disk. */
const FULL = /^53...$/;
const LOGIN = /^(28...|3D000)$/;
const NOT_ALLOWED = "42501";

/**
 * What an error of the connection or of a statement means. `text`: the statements that were sent; null: none were.
 * Before COMMIT is sent nothing has been done: whatever fails is undone.
 */
export function outcomeOf(error: unknown, text: string | null): Outcome {
  const { code = "", message, severity } = error as ServerError;
  if (severity === undefined) return failed("retryable", "SQL_UNREACHABLE", message === "" ? code : message);
  const said = `${code}: ${message}${place(error as ServerError, text)}`;
  if (LOGIN.test(code)) return failed("denied", "SQL_UNREACHABLE", said);
  if (AGAIN.test(code)) return failed("retryable", "SQL_FAILED", said);
  if (FULL.test(code)) return failed("capacity", "SQL_FAILED", said);
  return failed(code === NOT_ALLOWED ? "denied" : "permanent", "SQL_FAILED", said);
}

/** " (line 2, column 7)", the server's detail and hint: what helps to find the mistake. */
function place({ position, detail, hint }: ServerError, text: string | null): string {
  const parts: string[] = [];
  if (position !== undefined && text !== null) {
    const before = [...text]
      .slice(0, Number(position) - 1)
      .join("")
      .split("\n");
    parts.push(` (line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1})`);
  }
  if (detail !== undefined) parts.push(`; ${detail}`);
  if (hint !== undefined) parts.push(`; ${hint}`);
  return parts.join("");
}
