import { sql } from "kysely";
import type { AuditEntry } from "../../core/commands.ts";
import type { Store } from "../open.ts";
import { all, isVisible, paged, readPage, within, type Page, type Paging, type Span, type Visible } from "./page.ts";

/** An entry of the audit log, with the name of its run. */
export interface AuditRow extends AuditEntry {
  /** Counts up; a bigint, read as text. */
  readonly auditNo: string;
  readonly dagRunId: string | null;
}

const ORDER = {
  id: sql`audit.audit_no`,
  event_log_id: sql`audit.audit_no`,
  when: sql`audit.at`,
  dag_id: sql`audit.dag_id`,
  task_id: sql`audit.task_id`,
  run_id: sql`run_key.dag_run_id`,
  event: sql`audit.action`,
  owner: sql`audit.by`,
} as const;
export type AuditOrder = keyof typeof ORDER;
export const AUDIT_ORDERS = Object.keys(ORDER) as [AuditOrder, ...AuditOrder[]];

export interface AuditFilter extends Paging<AuditOrder> {
  readonly visible: Visible;
  readonly dagId?: string | undefined;
  /** Airflow's run id, or the run's uuid. */
  readonly run?: string | undefined;
  readonly taskId?: string | undefined;
  readonly action?: string | undefined;
  readonly by?: string | undefined;
  readonly at?: Span | undefined;
}

const FROM = sql`FROM audit LEFT JOIN run_key ON run_key.run_id = audit.run_id`;

/** One page of the audit log, the oldest first unless told. Who may not see every DAG sees no entry that is of none. */
export function auditPage(store: Store, filter: AuditFilter): Promise<Page<AuditRow>> {
  const { dagId, run, taskId, action, by } = filter;
  const where = all([
    ...isVisible(sql`audit.dag_id`, filter.visible),
    ...(dagId === undefined ? [] : [sql`audit.dag_id = ${dagId}`]),
    ...(run === undefined ? [] : [sql`(run_key.dag_run_id = ${run} OR audit.run_id::text = ${run})`]),
    ...(taskId === undefined ? [] : [sql`audit.task_id = ${taskId}`]),
    ...(action === undefined ? [] : [sql`audit.action = ${action}`]),
    ...(by === undefined ? [] : [sql`audit.by = ${by}`]),
    ...within(sql`audit.at`, filter.at),
  ]);
  const select = sql`SELECT audit.audit_no::text AS "auditNo", audit.at, audit.action, audit.by, audit.from_where AS "from",
    audit.dag_id AS "dagId", audit.run_id AS "runId", run_key.dag_run_id AS "dagRunId", audit.task_id AS "taskId",
    audit.details, audit.result ${FROM}`;
  return readPage<AuditRow>(store, { select, from: FROM, where, page: paged(filter, ORDER, sql`audit.audit_no`) });
}
