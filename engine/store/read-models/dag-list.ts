import { sql } from "kysely";
import type { DagSpec } from "../../core/dag.ts";
import type { Instant } from "../../core/json.ts";
import type { Store } from "../open.ts";
import { all, isVisible, paged, readPage, type Page, type Paging, type Visible } from "./page.ts";

/** A DAG by its newest version, and how it stands. */
export interface DagRow {
  readonly dagId: string;
  readonly file: string;
  readonly isPaused: boolean;
  /** Its file is gone; active runs finish. */
  readonly isStale: boolean;
  /** The next tick; null: none comes. */
  readonly nextDueAt: Instant | null;
  /** Its file cannot be read just now; it goes on as last read. */
  readonly hasImportErrors: boolean;
  readonly spec: DagSpec;
}

export interface DagListFilter extends Paging<"dag_id"> {
  readonly visible: Visible;
  /** Anywhere in the id, with SQL's wildcards, whatever the case. */
  readonly dagIdPattern?: string | undefined;
  readonly isPaused?: boolean | undefined;
  readonly tags?: readonly string[] | undefined;
  /** Whether one of `tags` is enough. */
  readonly isAnyTagEnough?: boolean;
  readonly owners?: readonly string[] | undefined;
  readonly withStale?: boolean;
}

const DAG = sql`SELECT dag.dag_id AS "dagId", file, is_paused AS "isPaused", is_stale AS "isStale",
    next_due_at AS "nextDueAt", EXISTS (SELECT FROM import_error WHERE import_error.file = dag.file) AS "hasImportErrors",
    version.spec`;
const FROM = sql`FROM dag JOIN LATERAL (
    SELECT spec FROM dag_version WHERE dag_version.dag_id = dag.dag_id ORDER BY version_number DESC LIMIT 1
  ) AS version ON true`;

/** One page of the DAGs that the filter lets through. */
export async function dagPage(store: Store, filter: DagListFilter): Promise<Page<DagRow>> {
  const { dagIdPattern, isPaused, tags, owners } = filter;
  const dagId = sql`dag.dag_id`;
  const tagsOfDag = sql`version.spec::jsonb -> 'tags'`;
  const where = all([
    ...isVisible(dagId, filter.visible),
    ...(filter.withStale === true ? [] : [sql`NOT is_stale`]),
    ...(dagIdPattern === undefined ? [] : [sql`dag.dag_id ILIKE '%' || ${dagIdPattern}::text || '%'`]),
    ...(isPaused === undefined ? [] : [sql`is_paused = ${isPaused}`]),
    ...(owners === undefined ? [] : [sql`version.spec ->> 'owner' = ANY (${owners}::text[])`]),
    ...(tags === undefined
      ? []
      : filter.isAnyTagEnough === true
        ? [sql`jsonb_exists_any(${tagsOfDag}, ${tags}::text[])`]
        : [sql`jsonb_exists_all(${tagsOfDag}, ${tags}::text[])`]),
  ]);
  const page = paged(filter, { dag_id: dagId }, dagId);
  return readPage<DagRow>(store, { select: sql`${DAG} ${FROM}`, from: FROM, where, page });
}

/** One DAG, a stale one too; null: there is none of that id. */
export async function oneDag(store: Store, dagId: string): Promise<DagRow | null> {
  const { rows } = await sql<DagRow>`${DAG} ${FROM} WHERE dag.dag_id = ${dagId}`.execute(store.db);
  return rows[0] ?? null;
}
