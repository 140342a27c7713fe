import type pg from "pg";
import { cleanJson, cleanText } from "../core/clean-text.ts";
import type { DagVersion } from "../core/records.ts";
import type { Instant, JsonObject } from "../core/json.ts";
import { wakeWriterSoon } from "./inbox.ts";
import { versionById } from "./load.ts";
import type { Store } from "./open.ts";
import { runById, type RunRow } from "./read-models/run-list.ts";
import { statementText } from "./sql-files.ts";

/** More wishes than this and new ones are turned away (protocol rule 30). */
export const MOST_PENDING = 10_000;

/** What a request says before the DAG has been looked at. */
export interface TriggerRequest {
  readonly dagId: string;
  readonly dagRunId: string;
  /** The id was made from the time: when it is taken, another one does as well. */
  readonly isIdMade: boolean;
  readonly logicalAt: Instant | null;
  readonly idempotency: { readonly key: string; readonly bodySha256: string } | null;
}

/** The run as the request wants it. */
export interface TriggeredRun {
  readonly runId: string;
  readonly intervalStartAt: Instant | null;
  readonly intervalEndAt: Instant | null;
  readonly runAfterAt: Instant;
  readonly conf: JsonObject;
  readonly queuedAt: Instant;
  readonly triggeredBy: string;
  /** The address it came from, for the audit log. */
  readonly from?: string;
  readonly note: string | null;
  /** The run whose task triggers it, and how many runs then stand above it; absent: nobody's. */
  readonly parent?: { readonly runId: string; readonly depth: number };
}

export type TriggerOutcome<Refusal> =
  | { readonly kind: "triggered"; readonly run: RunRow }
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "mismatch" | "no_dag" | "full" }
  | { readonly kind: "exists"; readonly dagRunId: string };

/** What others may change between the look and the insert is looked at again, so often. */
const MOST_LOOKS = 10;

/**
 * Makes a run and the command to adopt it in one transaction (protocol rule 31); the same idempotency key and body again find
 * the same run. `plan` says what the run is, by the newest version of its DAG, or why there can be none; it may be asked twice.
 */
export async function triggerRun<Refusal>(
  store: Store,
  request: TriggerRequest,
  plan: (version: DagVersion) => { readonly run: TriggeredRun } | { readonly refusal: Refusal },
): Promise<TriggerOutcome<Refusal>> {
  for (let look = 1; look <= MOST_LOOKS; look++) {
    const found = await lookAt(store, request);
    if (found.repeated !== null) {
      if (found.repeated.bodySha256 !== request.idempotency?.bodySha256) return { kind: "mismatch" };
      const run = await runById(store, found.repeated.runId);
      if (!run) throw new Error(`the run ${found.repeated.runId} is not there`);
      return { kind: "triggered", run };
    }
    if (found.versionId === null) return { kind: "no_dag" };
    const newest = await version(store, found.versionId);
    const planned = plan(newest);
    if ("refusal" in planned) return { kind: "refused", refusal: planned.refusal };
    if (found.runOfDate !== null) return { kind: "exists", dagRunId: found.runOfDate };
    if (found.isIdTaken && !request.isIdMade) return { kind: "exists", dagRunId: request.dagRunId };
    if (found.isFull) return { kind: "full" };
    const { run } = planned;
    const dagRunId = found.isIdTaken ? `${request.dagRunId}_${run.runId.slice(-8)}` : request.dagRunId;
    const publishedAt = await insert(store, { ...request, dagRunId }, run, newest.versionId);
    if (publishedAt !== null) {
      wakeWriterSoon(store);
      const { dagId, logicalAt } = request;
      const { versionId, versionNumber } = newest;
      const created = { state: "queued", runType: "manual", startedAt: null, endedAt: null } as const;
      const keys = { dagId, dagRunId, logicalAt, versionId, versionNumber, publishedAt };
      return { kind: "triggered", run: { ...run, ...keys, ...created } };
    }
  }
  throw new Error(`${request.dagId} ${request.dagRunId}: what was looked at changed ${MOST_LOOKS} times`);
}

interface Look {
  readonly versionId: string | null;
  readonly repeated: { readonly runId: string; readonly bodySha256: string } | null;
  readonly isIdTaken: boolean;
  /** The dag_run_id of the run that has the logical date already. */
  readonly runOfDate: string | null;
  readonly isFull: boolean;
}

const LOOK = `SELECT
    (SELECT version_id FROM dag JOIN dag_version USING (dag_id)
     WHERE dag_id = $1 AND NOT is_stale ORDER BY version_number DESC LIMIT 1) AS "versionId",
    (SELECT jsonb_build_object('runId', run_id, 'bodySha256', body_sha256) FROM request_key
     WHERE idempotency_key = $4 AND created_at >= clock_timestamp() - interval '7 days') AS repeated,
    EXISTS (SELECT FROM run_key WHERE dag_id = $1 AND dag_run_id = $2) AS "isIdTaken",
    (SELECT dag_run_id FROM run_key WHERE dag_id = $1 AND logical_at = instant($3::float8)) AS "runOfDate",
    (SELECT count(*) FROM (SELECT FROM command WHERE state = 'pending' LIMIT $5) AS pending) >= $5 AS "isFull"`;

/** All that decides about a request, in one look. */
async function lookAt(store: Store, request: TriggerRequest): Promise<Look> {
  const { dagId, dagRunId, logicalAt, idempotency } = request;
  const values = [dagId, dagRunId, logicalAt, idempotency?.key ?? null, MOST_PENDING];
  const { rows } = await store.pool.query<Look>({ name: "trigger_look", text: LOOK, values });
  const [look] = rows;
  if (!look) throw new Error("one row was expected");
  return look;
}

let insertText: string | undefined;

/** When the run's version was published; null: something of the run is taken, and nothing was done. */
async function insert(
  store: Store,
  request: TriggerRequest,
  run: TriggeredRun,
  versionId: string,
): Promise<Instant | null> {
  insertText ??= statementText("trigger_run");
  const command = { kind: "adopt_run", runId: run.runId, by: run.triggeredBy };
  const values = [
    request.idempotency?.key ?? null,
    request.idempotency?.bodySha256 ?? null,
    run.runId,
    request.dagId,
    request.dagRunId,
    request.logicalAt,
    run.intervalStartAt,
    run.intervalEndAt,
    run.runAfterAt,
    versionId,
    JSON.stringify(cleanJson(run.conf)),
    run.queuedAt,
    run.triggeredBy,
    run.note === null ? null : cleanText(run.note, Infinity),
    JSON.stringify(command),
    run.parent?.runId ?? null,
    run.parent?.depth ?? 0,
    run.from ?? null,
  ];
  const client = await store.pool.connect();
  let isBroken = true;
  try {
    const { rows } = await client.query<{ published_at: Instant }>({ name: "trigger_run", text: insertText, values });
    isBroken = false;
    return rows[0]?.published_at ?? null;
  } catch (error) {
    isBroken = (error as pg.DatabaseError).code !== "NC001";
    if (isBroken) throw error;
    return null;
  } finally {
    client.release(isBroken);
  }
}

/** Versions never change: each is read once, the most recent ones are kept. */
const known = new WeakMap<Store, Map<string, DagVersion>>();
const MOST_KNOWN = 200;

async function version(store: Store, versionId: string): Promise<DagVersion> {
  const versions = known.get(store) ?? new Map<string, DagVersion>();
  known.set(store, versions);
  const found = versions.get(versionId) ?? (await versionById(store, versionId));
  if (!found) throw new Error(`no version ${versionId}`);
  versions.delete(versionId);
  versions.set(versionId, found);
  const [oldest] = versions.keys();
  if (versions.size > MOST_KNOWN && oldest !== undefined) versions.delete(oldest);
  return found;
}
