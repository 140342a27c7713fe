import type { Instant } from "../../core/json.ts";
import type { DagSpec } from "../../core/dag.ts";
import type { Store } from "../open.ts";

/** A DAG as stored: its newest version, and how it stands. */
export interface DagSummary {
  readonly dagId: string;
  readonly file: string;
  readonly isPaused: boolean;
  /** Its file is gone; active runs finish. */
  readonly isStale: boolean;
  readonly versionNumber: number;
  readonly versionId: string;
  readonly publishedAt: Instant;
  readonly spec: DagSpec;
}

/** Every DAG that was ever published, by id. */
export async function listDags(store: Store): Promise<DagSummary[]> {
  const rows = await store.db
    .selectFrom("dag")
    .innerJoin("dag_version as version", "version.dag_id", "dag.dag_id")
    .distinctOn("dag.dag_id")
    .select(["dag.dag_id", "dag.file", "dag.is_paused", "dag.is_stale"])
    .select(["version.version_number", "version.version_id", "version.created_at", "version.spec"])
    .orderBy("dag.dag_id")
    .orderBy("version.version_number", "desc")
    .execute();
  return rows.map((row) => ({
    dagId: row.dag_id,
    file: row.file,
    isPaused: row.is_paused,
    isStale: row.is_stale,
    versionNumber: row.version_number,
    versionId: row.version_id,
    publishedAt: row.created_at,
    spec: row.spec,
  }));
}

/** The file of every DAG whose file was last seen there: no specs, of which a hundred thousand DAGs have a gigabyte. */
export async function filesOfDags(store: Store): Promise<{ readonly dagId: string; readonly file: string }[]> {
  const dags = store.db.selectFrom("dag").select(["dag_id", "file"]).where("is_stale", "=", false).orderBy("dag_id");
  return (await dags.execute()).map(({ dag_id: dagId, file }) => ({ dagId, file }));
}
