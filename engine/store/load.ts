import { sql, type Kysely } from "kysely";
import type { RunRows } from "../core/machine/run-rows.ts";
import type { Instant, JsonObject } from "../core/json.ts";
import { completeSpec } from "../core/dag.ts";
import type { Booked, DagRun, DagVersion, TakenDate } from "../core/records.ts";
import type { DagKnowledge, LoadedWorld } from "../core/flush-batch.ts";
import { groupBy } from "./group-by.ts";
import type { Store } from "./open.ts";
import { toAttempt, toBackfill, toDagState, toDeadline, toRun, toTask, toVariable } from "./rows.ts";
import type { Database } from "./tables.ts";

type Reader = Kysely<Database>;

/** What must be remembered even when the run has ended or waits; each part is one of the index attempt_owing. */
const OWING = sql<boolean>`((attempt.ending IS NOT NULL AND attempt.state IN ('open', 'orphan'))
  OR attempt.settle_at IS NOT NULL OR attempt.search_at IS NOT NULL OR attempt.duplicates IS NOT NULL)`;

/** Nothing may change in a month that closes for the archive: its runs count as gone already (protocol rule 29). */
export const NOT_LEAVING = sql<boolean>`NOT EXISTS (SELECT FROM partition_state
  WHERE partition_state.state = 'closing' AND from_id <= dag_run.run_id AND to_id > dag_run.run_id)`;

/** One consistent picture, read-only. */
const snapshot = <T>(store: Store, read: (db: Reader) => Promise<T>): Promise<T> =>
  store.db.transaction().setIsolationLevel("repeatable read").setAccessMode("read only").execute(read);

/** All that a new writer needs. Called after the take has committed (protocol rule 2). */
export function loadWorld(store: Store): Promise<LoadedWorld> {
  return snapshot(store, async (db) => {
    const { installation_id: installationId } = await db
      .selectFrom("installation")
      .select("installation_id")
      .executeTakeFirstOrThrow();
    const dags = await db.selectFrom("dag").selectAll().execute();
    const newest = await db
      .selectFrom("dag_version")
      .innerJoin("dag", "dag.dag_id", "dag_version.dag_id")
      .distinctOn("dag_version.dag_id")
      .select(["dag_version.dag_id", "dag_version.version_id"])
      .orderBy("dag_version.dag_id")
      .orderBy("dag_version.version_number", "desc")
      .execute();
    const runs = await activeRuns(db);
    const owing = new Set(await owingRunIds(db));
    // Of a backfill that waits only what is owed: its other rows are read when its runs start (rule 33).
    const waits = ({ state, backfillId, isReopened }: DagRun): boolean =>
      state === "queued" && backfillId !== null && isReopened !== true;
    const runIds = runs.filter((run) => !waits(run) || owing.has(run.runId)).map((run) => run.runId);
    const currentVersion = Object.fromEntries(newest.map((row) => [row.dag_id, row.version_id]));
    // Of all other DAGs nothing is read before they are due, or somebody asks for them.
    const needed = new Set([...runs.map(({ dagId }) => dagId), ...(await dagsOfAssets(db))]);
    const current = [...needed].flatMap((dagId) => currentVersion[dagId] ?? []);
    const known = await knowledge(db, [...new Set([...current, ...runs.map((run) => run.versionId)])]);
    const pools = await db.selectFrom("pool").selectAll().execute();
    const backfills = await db
      .selectFrom("backfill")
      .selectAll()
      .where(sql<boolean>`state = 'active'`)
      .orderBy("backfill_id")
      .execute();
    const deadlines = await db
      .selectFrom("deadline")
      .selectAll()
      .where(sql<boolean>`state = 'pending'`)
      .orderBy("deadline_at")
      .execute();
    const assetQueue = await db
      .selectFrom("asset_queue")
      .selectAll()
      .where(sql<boolean>`updates > 0`)
      .execute();
    const variables = await db.selectFrom("variable").selectAll().execute();
    return {
      installationId,
      ...known,
      currentVersion,
      unscheduled: await unscheduledDags(db),
      dags: dags.map(toDagState),
      deadlines: deadlines.map(toDeadline),
      assetQueue: assetQueue.map(({ dag_id: dagId, ...row }) => ({ dagId, ...row })),
      pools: Object.fromEntries(pools.map((row) => [row.pool, row.slots])),
      variables: variables.map(toVariable),
      backfills: backfills.map(toBackfill),
      runs,
      ...(await rowsOf(db, runIds)),
    };
  });
}

/** These versions, and every task number that their DAGs have ever given. */
export function loadVersions(store: Store, versionIds: readonly string[]): Promise<DagKnowledge> {
  return snapshot(store, (db) => knowledge(db, versionIds));
}

async function knowledge(db: Reader, versionIds: readonly string[]): Promise<DagKnowledge> {
  const versions = await versionsById(db, versionIds);
  const dagIds = [...new Set(versions.map(({ dagId }) => dagId))];
  const tasks = db
    .selectFrom("dag_task")
    .selectAll()
    .where(sql<boolean>`dag_id = ANY (${dagIds})`);
  const dagTasks = (await tasks.execute()).map((row) => ({
    dagId: row.dag_id,
    taskNo: row.task_no,
    taskId: row.task_id,
  }));
  return { versions, dagTasks };
}

/** The hash of the newest version of each of these DAGs. */
export async function currentHashes(store: Store, dagIds: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const rows = await store.db
    .selectFrom("dag_version")
    .distinctOn("dag_id")
    .select(["dag_id", "hash"])
    .where(sql<boolean>`dag_id = ANY (${dagIds}::text[])`)
    .orderBy("dag_id")
    .orderBy("version_number", "desc")
    .execute();
  return new Map(rows.map((row) => [row.dag_id, row.hash]));
}

/** DAGs of which any version has to do with assets: the condition of the index dag_version_of_assets. */
async function dagsOfAssets(db: Reader): Promise<string[]> {
  const { rows } = await sql<{ dag_id: string }>`SELECT DISTINCT dag_id FROM dag_version
    WHERE spec ->> 'onAssets' IS NOT NULL OR jsonb_path_exists(spec::jsonb, '$.tasks[*].produces[0]')`.execute(db);
  return rows.map((row) => row.dag_id);
}

/** DAGs whose newest version has no schedule: by the index dag_version_unscheduled. */
async function unscheduledDags(db: Reader): Promise<ReadonlySet<string>> {
  const { rows } = await sql<{ dag_id: string }>`SELECT DISTINCT dag_id FROM dag_version AS version
    WHERE spec ->> 'schedule' IS NULL AND NOT EXISTS (SELECT FROM dag_version AS newer
      WHERE newer.dag_id = version.dag_id AND newer.version_number > version.version_number)`.execute(db);
  return new Set(rows.map((row) => row.dag_id));
}

/** One run with its rows, ended or not; null: there is none, or it leaves for the archive (`isArchived` tells which). */
export function loadRun(store: Store, runId: string): Promise<RunRows | null> {
  return snapshot(store, async (db) => {
    const found = db.selectFrom("dag_run").selectAll().where("run_id", "=", runId).where(NOT_LEAVING);
    const row = await found.executeTakeFirst();
    return row ? { run: toRun(row), ...(await rowsOf(db, [runId])) } : null;
  });
}

/** These runs with their rows, ended or not; those that are not there are left out. */
export function loadRuns(store: Store, runIds: readonly string[]): Promise<RunRows[]> {
  return snapshot(store, async (db) => {
    const found = db.selectFrom("dag_run").selectAll().where(among("run_id", runIds)).where(NOT_LEAVING);
    const runs = await found.execute();
    const { tasks, attempts, outputs, expansions, booked } = await rowsOf(db, runIds);
    const of = <T extends { readonly runId: string }>(rows: readonly T[]) => {
      const groups = groupBy(rows, ({ runId }) => runId);
      return (runId: string): readonly T[] => groups.get(runId) ?? [];
    };
    const [tasksOf, attemptsOf, outputsOf] = [of(tasks), of(attempts), of(outputs)];
    const [expansionsOf, bookedOfRun] = [of(expansions), of(booked)];
    return runs.map(toRun).map((run) => {
      const { runId } = run;
      const rows = { tasks: tasksOf(runId), attempts: attemptsOf(runId), outputs: outputsOf(runId) };
      return { run, ...rows, expansions: expansionsOf(runId), booked: bookedOfRun(runId) };
    });
  });
}

/** These runs' own rows. */
export async function runsById(store: Store, runIds: readonly string[]): Promise<DagRun[]> {
  const rows = await store.db.selectFrom("dag_run").selectAll().where(among("run_id", runIds)).execute();
  return rows.map(toRun);
}

/** Rendered parameters as frozen with an intent, byte for byte (protocol rule 12). */
export async function frozenParams(store: Store, hash: string): Promise<JsonObject | null> {
  const row = await store.db.selectFrom("frozen_params").select("params").where("hash", "=", hash).executeTakeFirst();
  return row?.params ?? null;
}

/** The bytes of a file as stored with a DAG's version (protocol rule 28). */
export async function dagFile(store: Store, versionId: string, path: string): Promise<Uint8Array | null> {
  const row = await store.db
    .selectFrom("dag_version_file")
    .innerJoin("dag_file", "dag_file.sha256", "dag_version_file.sha256")
    .select("dag_file.bytes")
    .where("version_id", "=", versionId)
    .where("path", "=", path)
    .executeTakeFirst();
  return row?.bytes ?? null;
}

/** The number by which people and REST clients know a backfill; null: there is none of this id. */
export async function backfillNumber(store: Store, backfillId: string): Promise<number | null> {
  const row = await store.db
    .selectFrom("backfill")
    .select("backfill_no")
    .where("backfill_id", "=", backfillId)
    .executeTakeFirst();
  return row ? Number(row.backfill_no) : null;
}

/** Whether a backfill of this id was made before. */
export async function isKnownBackfill(store: Store, backfillId: string): Promise<boolean> {
  return (await backfillNumber(store, backfillId)) !== null;
}

/** Runs of a DAG that have one of these logical dates, whatever made them. */
export async function existingRuns(store: Store, dagId: string, logicalAts: readonly Instant[]): Promise<DagRun[]> {
  const rows = await store.db
    .selectFrom("dag_run")
    .selectAll()
    .where("run_id", "in", (query) =>
      query
        .selectFrom("run_key")
        .select("run_key.run_id")
        .where("run_key.dag_id", "=", dagId)
        .where(sql<boolean>`run_key.logical_at IN (SELECT instant(ms) FROM unnest(${logicalAts}::float8[]) AS ms)`),
    )
    .where(NOT_LEAVING)
    .orderBy("logical_at")
    .execute();
  return rows.map(toRun);
}

/**
 * Which of these dates are taken, whatever made their runs: asked before due ticks of any number of DAGs are planned. Of a
 * run whose rows are gone the key stays (protocol rule 29): its state is null.
 */
export async function takenDates(
  store: Store,
  wishes: readonly { readonly dagId: string; readonly logicalAts: readonly Instant[] }[],
): Promise<TakenDate[]> {
  const dates = wishes.flatMap(({ dagId, logicalAts }) => logicalAts.map((logicalAt) => ({ dagId, logicalAt })));
  if (dates.length === 0) return [];
  const dagIds = dates.map(({ dagId }) => dagId);
  const logicalAts = dates.map(({ logicalAt }) => logicalAt);
  const wished = sql<{ dag_id: string; logical_at: number }>`(SELECT dag_id, instant(ms) AS logical_at
    FROM unnest(${dagIds}::text[], ${logicalAts}::float8[]) AS wish (dag_id, ms))`.as("wished");
  const rows = await store.db
    .selectFrom(wished)
    .innerJoin("run_key", (join) =>
      join.onRef("run_key.dag_id", "=", "wished.dag_id").on(sql<boolean>`run_key.logical_at = wished.logical_at`),
    )
    .leftJoin("dag_run", (join) => join.onRef("dag_run.run_id", "=", "run_key.run_id").on(NOT_LEAVING))
    .select(["run_key.dag_id", "wished.logical_at", "run_key.run_id", "dag_run.state", "dag_run.ended_at"])
    .orderBy("run_key.dag_id")
    .orderBy("wished.logical_at")
    .execute();
  return rows.map((row) => ({
    dagId: row.dag_id,
    logicalAt: row.logical_at,
    runId: row.run_id,
    state: row.state,
    endedAt: row.ended_at,
  }));
}

export async function versionById(store: Store, versionId: string): Promise<DagVersion | null> {
  const [version] = await versionsById(store.db, [versionId]);
  return version ?? null;
}

async function owingRunIds(db: Reader): Promise<string[]> {
  const rows = await db.selectFrom("attempt").select("attempt.run_id").distinct().where(OWING).execute();
  return rows.map((row) => row.run_id);
}

async function activeRuns(db: Reader): Promise<DagRun[]> {
  const rows = await db
    .selectFrom("dag_run")
    .selectAll()
    .where((where) =>
      where.or([
        sql<boolean>`dag_run.state IN ('queued', 'running')`,
        where("dag_run.run_id", "in", where.selectFrom("attempt").select("attempt.run_id").where(OWING)),
      ]),
    )
    .orderBy("run_id")
    .execute();
  return rows.map(toRun);
}

const among = (column: string, runIds: readonly string[]) => sql<boolean>`${sql.ref(column)} = ANY (${runIds}::uuid[])`;

async function rowsOf(db: Reader, runIds: readonly string[]): Promise<Omit<RunRows, "run">> {
  const tasks = await db.selectFrom("task_instance").selectAll().where(among("run_id", runIds)).execute();
  const attempts = await db
    .selectFrom("attempt")
    .innerJoin("task_instance as task", (join) =>
      join
        .onRef("task.run_id", "=", "attempt.run_id")
        .onRef("task.task_no", "=", "attempt.task_no")
        .onRef("task.map_index", "=", "attempt.map_index"),
    )
    .selectAll("attempt")
    .where(among("attempt.run_id", runIds))
    .where((where) => where.or([where("attempt.try_number", "=", where.ref("task.try_number")), OWING]))
    .execute();
  const outputs = await db
    .selectFrom("output")
    .innerJoin("task_instance as task", (join) =>
      join
        .onRef("task.run_id", "=", "output.run_id")
        .onRef("task.task_no", "=", "output.task_no")
        .onRef("task.map_index", "=", "output.map_index")
        .onRef("task.try_number", "=", "output.try_number"),
    )
    .select(["output.run_id", "output.task_no", "output.map_index", "output.output"])
    .where(among("output.run_id", runIds))
    .execute();
  const expansions = await db.selectFrom("expansion").selectAll().where(among("run_id", runIds)).execute();
  shareTexts(tasks, ["run_id", "state"]);
  shareTexts(attempts, ["run_id", "state", "operator", "connection", "params_hash"]);
  return {
    tasks: tasks.map(toTask),
    attempts: attempts.map(toAttempt),
    expansions: expansions.map(({ run_id: runId, task_no: taskNo, map_index: mapIndex, items, labels }) => ({
      ...{ runId, taskNo, mapIndex },
      items,
      labels,
    })),
    outputs: outputs.map((row) => ({
      runId: row.run_id,
      taskNo: row.task_no,
      mapIndex: row.map_index,
      output: row.output,
    })),
    booked: await bookedOf(db, runIds),
  };
}

/** The driver makes a text of its own for every row: of those that stay in memory, equal ones become one. */
function shareTexts<K extends string>(rows: readonly Partial<Record<K, string>>[], columns: readonly K[]): void {
  const known = new Map<string, string>();
  for (const row of rows) {
    for (const column of columns) {
      const text = row[column];
      if (text === undefined) continue;
      const first = known.get(text) ?? text;
      known.set(first, first);
      row[column] = first;
    }
  }
}

/** What counts of every attempt, older tries too: a failed one was paid as well. */
async function bookedOf(db: Reader, runIds: readonly string[]): Promise<Booked[]> {
  const rows = await db
    .selectFrom("booked")
    .innerJoin("attempt", (join) =>
      join
        .onRef("attempt.run_id", "=", "booked.run_id")
        .onRef("attempt.task_no", "=", "booked.task_no")
        .onRef("attempt.map_index", "=", "booked.map_index")
        .onRef("attempt.try_number", "=", "booked.try_number"),
    )
    .select(["booked.run_id", "booked.task_no", "booked.map_index", "booked.try_number", "booked.usage_kind"])
    .select(["booked.unit", "attempt.intent_at", sql<string>`sum(booked.amount)`.as("amount")])
    .where(among("booked.run_id", runIds))
    .groupBy(["booked.run_id", "booked.task_no", "booked.map_index", "booked.try_number", "booked.usage_kind"])
    .groupBy(["booked.unit", "attempt.intent_at"])
    .execute();
  return rows.map((row) => ({
    runId: row.run_id,
    taskNo: row.task_no,
    mapIndex: row.map_index,
    tryNumber: row.try_number,
    usageKind: row.usage_kind,
    unit: row.unit,
    amount: row.amount,
    intentAt: row.intent_at,
  }));
}

async function versionsById(db: Reader, versionIds: readonly string[]): Promise<DagVersion[]> {
  const versions = await db.selectFrom("dag_version").selectAll().where(among("version_id", versionIds)).execute();
  const dagIds = [...new Set(versions.map((version) => version.dag_id))];
  const numbers = await db
    .selectFrom("dag_task")
    .selectAll()
    .where(sql<boolean>`dag_id = ANY (${dagIds})`)
    .execute();
  const noOf = new Map(numbers.map((row) => [JSON.stringify([row.dag_id, row.task_id]), row.task_no]));
  return versions.map((version) => ({
    versionId: version.version_id,
    dagId: version.dag_id,
    versionNumber: version.version_number,
    hash: version.hash,
    spec: completeSpec(version.spec),
    taskNos: Object.fromEntries(
      version.spec.tasks.map(({ taskId }) => {
        const taskNo = noOf.get(JSON.stringify([version.dag_id, taskId]));
        if (taskNo === undefined) throw new Error(`dag_task has no number for ${version.dag_id}.${taskId}`);
        return [taskId, taskNo];
      }),
    ),
  }));
}
