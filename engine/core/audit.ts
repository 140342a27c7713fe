import type { Instant, JsonObject } from "./json.ts";
import type { AuditEntry, Command, CommandResult } from "./commands.ts";

/** Wishes of programs about their own work: whoever asked for the run wrote it down already. */
const UNTOLD: ReadonlySet<string> = new Set(["adopt_run"]);

/** What the audit log says of a command that was carried out or refused; null: it is none of a person. */
export function auditOf({ body }: Command, result: CommandResult, at: Instant): AuditEntry | null {
  const { kind, by, from = null, ...asked } = body;
  if (UNTOLD.has(kind)) return null;
  const named = asked as { readonly runId?: string; readonly dagId?: string; readonly taskId?: string } & JsonObject;
  const { runId = null, dagId = null, taskId = null, ...details } = named;
  const { dagId: ofBackfill } = (details["backfill"] ?? {}) as { readonly dagId?: string };
  const answer: JsonObject = result.ok ? result.value : { message: result.message };
  const told = Object.keys(answer).filter((key) => !REPEATED.has(key));
  return {
    action: kind,
    by,
    from,
    dagId: dagId ?? ofBackfill ?? (typeof answer["dag_id"] === "string" ? answer["dag_id"] : null),
    runId,
    taskId,
    details: { ...details, answer: Object.fromEntries(told.map((key) => [key, answer[key] ?? null])) },
    result: result.ok ? "done" : result.code,
    at,
  };
}

/** What the entry says in columns of its own. */
const REPEATED: ReadonlySet<string> = new Set(["dag_id", "run_id"]);
