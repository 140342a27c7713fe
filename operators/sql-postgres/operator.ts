import type pg from "pg";
import { NocturneError } from "../../engine/core/errors.ts";
import type { OperatorHost } from "../../engine/core/operator-host.ts";
import type { SubmitContext } from "../../engine/core/operator.ts";
import { inProcessOperator, type Prepared, type Running } from "../in-process/operator.ts";
import { failed, succeeded, tooLarge } from "../in-process/output.ts";
import type { Outcome, StopReason } from "../in-process/works.ts";
import { applicationNameOf, clientTo, urlOf } from "./connection.ts";
import { sqlPostgresFacts, type SqlPostgresParams } from "./params.ts";
import { cut, RowsTooLarge, send, type Result } from "./rows.ts";
import { outcomeOf } from "./sql-errors.ts";

/** Statements wait for another server: many may, but each takes a connection there. */
const PLACES = 16;
/** How soon the server notices that this process is gone while a statement runs, and undoes it. */
const NOTICE_MS = 2_000;
/** How long a statement has to end after it was asked to, before its connection is cut. */
const CANCEL_MS = 10_000;

interface Ready {
  readonly url: string;
  readonly texts: readonly string[];
  readonly parameters: SqlPostgresParams["parameters"];
}

export const sqlPostgres = inProcessOperator<SqlPostgresParams, Ready>({
  facts: sqlPostgresFacts,
  places: () => PLACES,
  isIdempotent: ({ idempotent }) => idempotent,
  prepare,
  run,
});

async function prepare(
  params: SqlPostgresParams,
  context: SubmitContext,
  host: OperatorHost,
): Promise<Prepared<Ready>> {
  const { connection, statements, file = "", parameters } = params;
  try {
    const url = urlOf(connection, host.connectionSettings(connection));
    const given = statements ?? new TextDecoder().decode(await context.file(file));
    return { ready: { url, texts: typeof given === "string" ? [given] : given, parameters } };
  } catch (error) {
    if (!(error instanceof NocturneError)) throw error;
    const { code = "INTERNAL", message = error.message } = error.problems[0] ?? {};
    return { refused: { class: "permanent", code, message } };
  }
}

async function run({ params, context, stop, log }: Running<Ready>): Promise<Outcome> {
  const { url, texts, parameters } = params;
  const name = applicationNameOf(context.launchKey);
  const client = clientTo(url, name);
  client.on("notice", ({ message }) => log.add(message ?? ""));
  const onStop = (): void => void stopWork(client, url, name, stop.reason as StopReason);
  let text: string | null = null;
  try {
    await client.connect();
    stop.addEventListener("abort", onStop, { once: true });
    if (stop.aborted) return CANCELLED;
    await settle(client, name, context.isRepeat);
    await send(client, "BEGIN");
    let last: Result | null = null;
    for (text of texts) {
      last = await send(client, text, parameters);
      log.add(`${last.commands.join(", ")}: ${last.rowCount} rows`);
      const own = last.commands.find((command) => /^(BEGIN|START|COMMIT|ROLLBACK)/.test(command));
      if (own !== undefined) return failed("permanent", "SQL_FAILED", `${own}: the task is one transaction of its own`);
    }
    const outcome = succeeded(
      { rows: last?.rows ?? [], row_count: last?.rowCount ?? 0 },
      "the last statement's result",
    );
    if (outcome.kind === "succeeded") return (await commit(client)) ?? outcome;
    return outcome;
  } catch (error) {
    const outcome = error instanceof RowsTooLarge ? tooLarge("a statement's result") : outcomeOf(error, text);
    if (outcome.kind === "failed") log.add(outcome.failure.message);
    return stop.aborted ? CANCELLED : outcome;
  } finally {
    stop.removeEventListener("abort", onStop);
    // Without COMMIT all is undone.
    await client.end().catch(() => undefined);
  }
}

const CANCELLED = failed("permanent", "CANCELLED", "the statement was cancelled and its transaction undone");

/** Makes the session ready; what a dead process has left of the same launch ends first. */
async function settle(client: pg.Client, name: string, isRepeat: boolean): Promise<void> {
  await send(client, "SET timezone TO 'UTC'");
  // A server on a system without this way of noticing refuses the setting, and works all the same.
  await send(client, `SET client_connection_check_interval TO ${NOTICE_MS}`).catch((error: unknown) => {
    if ((error as { severity?: string }).severity === undefined) throw error;
  });
  if (!isRepeat) return;
  const others = "FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()";
  await send(client, `SELECT pg_terminate_backend(pid, 5000) ${others}`, [name]);
}

/** Null: it is done. An answer that is lost here leaves it open whether it is. */
async function commit(client: pg.Client): Promise<Outcome | null> {
  try {
    await send(client, "COMMIT");
    return null;
  } catch (error) {
    const { severity, message } = error as Error & { severity?: string };
    if (severity !== undefined) return outcomeOf(error, null);
    return failed("permanent", "SQL_UNREACHABLE", `the answer to COMMIT was lost, it may have been done: ${message}`);
  }
}

/** Asks the server to cancel what the connection is doing, by a second one; what does not answer is cut. */
async function stopWork(client: pg.Client, url: string, name: string, reason: StopReason): Promise<void> {
  if (reason === "let_go") {
    cut(client);
    return;
  }
  setTimeout(() => cut(client), CANCEL_MS).unref();
  const second = clientTo(url, name);
  try {
    await second.connect();
    const others = "FROM pg_stat_activity WHERE application_name = $1 AND pid <> pg_backend_pid()";
    await second.query(`SELECT pg_cancel_backend(pid) ${others}`, [name]);
  } catch {
    cut(client);
  } finally {
    await second.end().catch(() => undefined);
  }
}
