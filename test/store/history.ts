import { randomUUID } from "node:crypto";
import type { Store } from "../../engine/store/open.ts";

/** Runs of one month that have ended, with all that hangs on them: for tests of what becomes of old runs. */
export interface History {
  readonly dagId: string;
  readonly versionId: string;
  /** Of the n-th run, from 0. */
  readonly runId: (n: number) => string;
}

/** The run id (UUIDv7) of an instant, and the n-th of that instant. */
export function runIdOf(at: number, n: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, "0");
  const ms = hex(at, 12);
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7000-8000-${hex(n, 12)}`;
}

/**
 * Writes `runs` successful runs of one task each, made at `at` (epoch milliseconds): its attempt with parameters of its own, an
 * output, two lines of history, and 0.25 USD settled. By a few statements, whatever their number.
 */
export async function writeHistory(
  store: Store,
  { at, runs, dagId = "nightly", wide = 0 }: { at: number; runs: number; dagId?: string; wide?: number },
): Promise<History> {
  const versionId = randomUUID();
  const head = runIdOf(at, 0).slice(0, 24);
  const each = `generate_series(0, ${runs - 1}) AS n CROSS JOIN LATERAL
    (SELECT ('${head}' || lpad(to_hex(n), 12, '0'))::uuid AS run_id, instant(${at} + n) AS at,
            md5('${dagId}${at}' || n) || md5('x' || n) AS hash) AS run`;
  await store.pool.query("INSERT INTO dag (dag_id, file, is_paused) VALUES ($1, 'f', true) ON CONFLICT DO NOTHING", [
    dagId,
  ]);
  await store.pool.query(
    `INSERT INTO dag_version (version_id, dag_id, version_number, hash, spec, source)
     SELECT $1, $2, coalesce(max(version_number), 0) + 1, $3, '{"tasks": []}', '' FROM dag_version WHERE dag_id = $2`,
    [versionId, dagId, versionId],
  );
  await store.pool.query("INSERT INTO dag_task VALUES ($1, 'load', 1) ON CONFLICT DO NOTHING", [dagId]);
  await store.pool.query(
    `INSERT INTO run_key (run_id, dag_id, dag_run_id, logical_at)
     SELECT run_id, '${dagId}', 'scheduled__' || (extract(epoch FROM at) * 1000)::bigint, at FROM ${each}`,
  );
  await store.pool.query(
    `INSERT INTO dag_run (run_id, dag_id, dag_run_id, run_type, logical_at, run_after_at, version_id, conf, state, queued_at,
       started_at, ended_at, triggered_by)
     SELECT run_id, '${dagId}', 'scheduled__' || (extract(epoch FROM at) * 1000)::bigint, 'scheduled', at, at,
            '${versionId}', '{}', 'success', at, at, at, 'test' FROM ${each}`,
  );
  await store.pool.query(
    `INSERT INTO task_instance (run_id, task_no, map_index, state, try_number, max_try, started_at, ended_at)
     SELECT run_id, 1, -1, 'success', 1, 1, at, at FROM ${each}`,
  );
  await store.pool.query(`INSERT INTO frozen_params SELECT hash, json_build_object('run', n) FROM ${each}`);
  await store.pool.query(
    `INSERT INTO attempt (run_id, task_no, map_index, try_number, state, operator, connection, launch_key, params_hash,
       intent_at, send_by, submit_at, pushbacks, ever_in_doubt, submitted_at, ended_at)
     SELECT run_id, 1, -1, 1, 'succeeded', 'noop', 'default', 'k', hash, at, at, at, 0, false, at, at FROM ${each}`,
  );
  await store.pool.query(
    `INSERT INTO output (run_id, task_no, map_index, try_number, output)
     SELECT run_id, 1, -1, 1, jsonb_build_object('rows', n, 'wide', repeat('é', ${wide})) FROM ${each}`,
  );
  await store.pool.query(
    `INSERT INTO state_history (run_id, task_no, map_index, from_state, to_state, why, by, at)
     SELECT run_id, 1, -1, step.before, step.after, 'a "why" with \\ and' || chr(10) || 'a line', 'engine', at FROM ${each}
     CROSS JOIN (VALUES ('none', 'queued'), ('queued', 'success')) AS step (before, after)`,
  );
  await store.pool.query(
    `INSERT INTO ledger (run_id, task_no, map_index, try_number, usage_kind, kind, quantity, unit, unit_price, amount, currency,
       price_source, at)
     SELECT run_id, 1, -1, 1, 'glue.dpu_hour', kind, 0.5, 'DPU-hour', 0.5, amount, 'USD', 'list', at FROM ${each}
     CROSS JOIN (VALUES ('accrued', 0.1), ('settled', 0.25)) AS entry (kind, amount)`,
  );
  return { dagId, versionId, runId: (n) => `${head}${n.toString(16).padStart(12, "0")}` };
}
