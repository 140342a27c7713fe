import { mkdir, mkdtemp, readFile, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { NocturneError } from "../../engine/core/errors.ts";
import { archiveRuns, type ArchiveWish, type MonthOutcome } from "../../engine/store/archive/archive.ts";
import { closeMonth, summarize } from "../../engine/store/archive/close.ts";
import { exportMonth, type Manifest } from "../../engine/store/archive/export.ts";
import { recordExport } from "../../engine/store/archive/leave.ts";
import { monthsBefore } from "../../engine/store/archive/months.ts";
import { openClient } from "../../engine/store/connect.ts";
import { loadRun, takenDates } from "../../engine/store/load.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { isArchived } from "../../engine/store/read-models/archived.ts";
import { costs } from "../../engine/store/read-models/costs.ts";
import { runsProgress } from "../../engine/store/read-models/progress.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { somebodyWaits, Writer } from "./fleet.ts";
import { untilSo } from "../setup/until.ts";
import { writeHistory } from "./history.ts";

const JANUARY = Date.UTC(2026, 0, 15);
const MARCH = Date.UTC(2026, 2, 15);
const FEBRUARY_BEGINS = Date.UTC(2026, 1, 1);

let database: TestDatabase;
let store: Store;
let folder: string;

beforeEach(async () => {
  database = await testDatabase();
  store = await openStore({ databaseUrl: database.url, fleet: "nocturne", applicationName: "tests" });
  folder = await mkdtemp(join(tmpdir(), "nocturne-archive-"));
});
afterEach(async () => {
  await store.close();
  await database.drop();
  await rm(folder, { recursive: true, force: true });
});

const archive = (wish: Partial<ArchiveWish> = {}): Promise<MonthOutcome[]> =>
  archiveRuns(store, {
    cutoff: FEBRUARY_BEGINS,
    folder,
    isDryRun: false,
    onProgress: () => undefined,
    interrupted: new AbortController().signal,
    ...wish,
  });

async function codeOf(failing: Promise<unknown>): Promise<string | undefined> {
  try {
    await failing;
  } catch (error) {
    if (error instanceof NocturneError) return error.problems[0]?.code;
    return (error as NodeJS.ErrnoException).code ?? String(error);
  }
  return undefined;
}

async function one<T>(text: string, values: unknown[] = []): Promise<T> {
  const { rows } = await store.pool.query(text, values);
  return Object.values((rows[0] ?? {}) as object)[0] as T;
}

const stateOf = (month: string): Promise<string> => one("SELECT state FROM partition_state WHERE month = $1", [month]);
const tablesOf = (month: string): Promise<number> =>
  one("SELECT count(*)::int FROM pg_class WHERE relkind = 'r' AND relname LIKE $1", [`%\\_${month}`]);
const manifestOf = async (month: string): Promise<Manifest> =>
  JSON.parse(await readFile(join(folder, "nocturne", month, "manifest.json"), "utf8")) as Manifest;
const linesOf = async (month: string, table: string): Promise<Record<string, unknown>[]> =>
  gunzipSync(await readFile(join(folder, "nocturne", month, `${table}.jsonl.gz`)))
    .toString()
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

describe("rule 29: a month of ended runs", () => {
  it("leaves for files that hold every row, and its tables are dropped; a later month stays as it was", async () => {
    const history = await writeHistory(store, { at: JANUARY, runs: 450 });
    await writeHistory(store, { at: MARCH, runs: 3 });
    const [outcome, ...more] = await archive();
    expect(more).toEqual([]);
    expect(outcome).toMatchObject({ month: "2026_01", kind: "gone", export: { runs: 450 } });
    expect([await stateOf("2026_01"), await tablesOf("2026_01")]).toEqual(["gone", 0]);
    const { tables, schemaVersion } = await manifestOf("2026_01");
    const rows = Object.fromEntries(tables.map((table) => [table.table, table.rows]));
    expect(rows).toMatchObject({ dag_run: 450, task_instance: 450, attempt: 450, output: 450, frozen_params: 450 });
    expect(rows).toMatchObject({ state_history: 900, ledger: 900, dag_task: 1, dag_version: 1 });
    expect(schemaVersion).toMatch(/^\d{4}_/);
    const runs = await linesOf("2026_01", "dag_run");
    expect(runs[7]).toMatchObject({ run_id: history.runId(7), state: "success", version_id: history.versionId });
    expect((await linesOf("2026_01", "state_history"))[1]?.["why"]).toBe('a "why" with \\ and\na line');
    expect(await one("SELECT count(*)::int FROM dag_run")).toBe(3);
  });

  it("leaves its keys and its sums behind: costs and counts over history are what they were", async () => {
    const { dagId, runId } = await writeHistory(store, { at: JANUARY, runs: 4 });
    await writeHistory(store, { at: MARCH, runs: 2 });
    const before = await costs(store, { dagId });
    expect(before).toMatchObject({ amount: "1.5", currency: "USD" });
    const named = { runIds: [runId(0), runId(1)] };
    expect((await runsProgress(store, named)).runCounts).toEqual({ success: 2 });
    await archive();
    expect(await costs(store, { dagId })).toEqual(before);
    expect((await runsProgress(store, named)).runCounts).toEqual({ success: 2 });
    expect(await one("SELECT count(*)::int FROM run_key")).toBe(6);
  });

  it("is archived for commands, and its dates are taken for backfills", async () => {
    const { dagId, runId } = await writeHistory(store, { at: JANUARY, runs: 1 });
    expect(await isArchived(store, runId(0))).toBe(false);
    await archive();
    expect(await isArchived(store, runId(0))).toBe(true);
    expect(await isArchived(store, runId(1))).toBe(false);
    expect(await loadRun(store, runId(0))).toBeNull();
    const taken = await takenDates(store, [{ dagId, logicalAts: [JANUARY] }]);
    expect(taken).toEqual([{ dagId, logicalAt: JANUARY, runId: runId(0), state: null, endedAt: null }]);
  });

  it("is only told of by a dry run", async () => {
    await writeHistory(store, { at: JANUARY, runs: 2 });
    await store.pool.query("SELECT make_month('2026-01-10')");
    expect(await archive({ isDryRun: true })).toEqual([{ month: "2026_01", kind: "would_leave", runs: 2 }]);
    expect([await stateOf("2026_01"), await readdir(folder)]).toEqual(["open", []]);
  });

  it("that is not over by the day asked for stays", async () => {
    await writeHistory(store, { at: JANUARY, runs: 2 });
    expect(await archive({ cutoff: FEBRUARY_BEGINS - 1 })).toEqual([]);
  });
});

const BEING_ENDED = `UPDATE attempt SET ended_at = NULL, ending = '{"cause": "cancel"}'`;

describe("rule 29: closing refuses while a run", () => {
  it.each([
    ["is queued", "UPDATE dag_run SET state = 'queued', started_at = NULL, ended_at = NULL", "it is queued"],
    ["runs", "UPDATE dag_run SET state = 'running', ended_at = NULL", "it is running"],
    ["is put aside", "UPDATE dag_run SET quarantine = 'bad data'", "it is put aside"],
    ["has a job that is being ended", `${BEING_ENDED}, state = 'open'`, "an attempt is not settled"],
    ["has an orphan", `${BEING_ENDED}, state = 'orphan'`, "an attempt is not settled"],
    ["waits for its bill", "UPDATE attempt SET settle_at = now()", "an attempt is not settled"],
    ["is to be searched again", "UPDATE attempt SET search_at = now()", "an attempt is not settled"],
    ["has duplicates to cancel", "UPDATE attempt SET duplicates = '[1]'", "an attempt is not settled"],
  ])("%s", async (_, change, why) => {
    const { runId } = await writeHistory(store, { at: JANUARY, runs: 3 });
    await store.pool.query(`${change} WHERE run_id = $1`, [runId(1)]);
    const busy = [{ dagId: "nightly", dagRunId: `scheduled__${JANUARY + 1}`, why }];
    expect(await archive()).toEqual([{ month: "2026_01", kind: "stays", busy }]);
    expect([await stateOf("2026_01"), await readdir(folder)]).toEqual(["open", []]);
    expect(await loadRun(store, runId(0))).not.toBeNull();
  });
});

describe("rule 29: beside the writer, closing", () => {
  it("waits for a flush that is under way, and sees the run that it clears", async () => {
    const { runId } = await writeHistory(store, { at: JANUARY, runs: 1 });
    const writer = await store.pool.connect();
    await writer.query("BEGIN");
    await writer.query("SELECT FROM writer FOR NO KEY UPDATE");
    await writer.query("UPDATE dag_run SET state = 'queued', started_at = NULL, ended_at = NULL WHERE run_id = $1", [
      runId(0),
    ]);
    const archiving = archive();
    await untilSo(() => somebodyWaits(store, /FROM writer/));
    await writer.query("COMMIT");
    writer.release();
    expect(await archiving).toMatchObject([{ kind: "stays", busy: [{ why: "it is queued" }] }]);
  });

  it("gives a flush that comes later a conflict; it reloads, finds the run archived, and writes on", async () => {
    const { runId } = await writeHistory(store, { at: JANUARY, runs: 1 });
    const later = await writeHistory(store, { at: MARCH, runs: 1 });
    const [old, young] = [(await loadRun(store, runId(0)))?.run, (await loadRun(store, later.runId(0)))?.run];
    if (!old || !young) throw new Error("the runs are there");
    const writer = await Writer.take(store);
    await store.pool.query("SELECT make_month('2026-01-10')");
    const reader = await store.pool.connect();
    await reader.query("BEGIN");
    // Who reads the month keeps its tables from being detached, and the month closing.
    await reader.query("SELECT FROM attempt_2026_01");
    const archiving = archive();
    await untilSo(async () => (await stateOf("2026_01")) === "closing");
    const cleared = (from: typeof old) => ({
      from,
      to: { ...from, state: "queued" as const, startedAt: null, endedAt: null },
    });
    expect(await writer.flush({ runsChanged: [cleared(old)] })).toMatchObject({ kind: "conflict" });
    expect([await loadRun(store, runId(0)), await isArchived(store, runId(0))]).toEqual([null, true]);
    await untilSo(async () => (await writer.flush({ runsChanged: [cleared(young)] })).kind === "committed");
    await reader.query("COMMIT");
    reader.release();
    expect(await archiving).toMatchObject([{ kind: "gone" }]);
    await writer.close();
  });

  it("counts each cost once at every moment", async () => {
    const { dagId } = await writeHistory(store, { at: JANUARY, runs: 4 });
    await store.pool.query("SELECT make_month('2026-01-10')");
    const reader = await store.pool.connect();
    await reader.query("BEGIN");
    await reader.query("SELECT FROM attempt_2026_01");
    const archiving = archive();
    await untilSo(
      async () => (await one("SELECT summed_at IS NOT NULL FROM partition_state WHERE month = '2026_01'")) === true,
    );
    expect((await costs(store, { dagId })).amount).toBe("1");
    await reader.query("COMMIT");
    reader.release();
    await archiving;
    expect((await costs(store, { dagId })).amount).toBe("1");
  });

  it("is done by one process: another one is told so", async () => {
    const client = await store.pool.connect();
    await client.query("SELECT pg_advisory_lock(hashtextextended('nocturne.archive.' || current_schema(), 0))");
    expect(await codeOf(archive())).toBe("ARCHIVE_BUSY");
    client.release(true);
  });
});

describe("an export that fails", () => {
  it("for a full disk leaves everything as it was: the month is open again, its runs can be cleared", async () => {
    const { runId } = await writeHistory(store, { at: JANUARY, runs: 300, wide: 2_000 });
    await mkdir(join(folder, "nocturne", "2026_01"), { recursive: true });
    await symlink("/dev/full", join(folder, "nocturne", "2026_01", "output.jsonl.gz.part"));
    expect(await codeOf(archive())).toBe("ENOSPC");
    expect(await stateOf("2026_01")).toBe("open");
    expect(await one("SELECT count(*)::int FROM run_summary")).toBe(0);
    await store.pool.query("UPDATE dag_run SET note = 'still ours' WHERE run_id = $1", [runId(0)]);
    await rm(join(folder, "nocturne", "2026_01", "output.jsonl.gz.part"));
    expect(await archive()).toMatchObject([{ kind: "gone", export: { runs: 300 } }]);
    expect((await linesOf("2026_01", "dag_run"))[0]?.["note"]).toBe("still ours");
  });

  it("for a folder below nothing, or a file in its place, says so before anything is closed", async () => {
    await writeHistory(store, { at: JANUARY, runs: 1 });
    await store.pool.query("SELECT make_month('2026-01-10')");
    await writeFile(join(folder, "file"), "");
    expect(await codeOf(archive({ folder: join(folder, "missing", "archive") }))).toBe("ARCHIVE_FOLDER");
    expect(await codeOf(archive({ folder: join(folder, "file") }))).toBe("ARCHIVE_FOLDER");
    expect(await stateOf("2026_01")).toBe("open");
  });

  it("for another installation's archive in the folder touches neither", async () => {
    await writeHistory(store, { at: JANUARY, runs: 1 });
    await archive();
    const theirs = await manifestOf("2026_01");
    const other = await testDatabase("empty");
    try {
      const { migrate } = await import("../../engine/store/migrate.ts");
      const second = await openStore({ databaseUrl: other.url, fleet: "nocturne", applicationName: "tests" });
      await migrate(second);
      await writeHistory(second, { at: JANUARY, runs: 2 });
      const wish = { cutoff: FEBRUARY_BEGINS, folder, isDryRun: false, onProgress: () => undefined };
      const failing = archiveRuns(second, { ...wish, interrupted: new AbortController().signal });
      expect(await codeOf(failing)).toBe("ARCHIVE_FOLDER");
      expect((await second.pool.query("SELECT FROM dag_run")).rowCount).toBe(2);
      await second.close();
    } finally {
      await other.drop();
    }
    expect(await manifestOf("2026_01")).toEqual(theirs);
  });
});

describe("what an earlier call left", () => {
  /** As after a kill between the export and the detach: closing, exported, read back. */
  async function exported(): Promise<void> {
    const client = await openClient(store.settings);
    await client.query("SELECT make_month('2026-01-10')");
    const [month] = await monthsBefore(client, FEBRUARY_BEGINS);
    if (!month) throw new Error("the month is there");
    expect(await closeMonth(client, month)).toEqual([]);
    await summarize(client, month);
    const made = await exportMonth(client, month, { folder, fleet: "nocturne" }, () => undefined);
    await recordExport(client, month, made);
    await client.end();
  }

  it("is exported again when its files are no longer whole, as long as all its tables are there", async () => {
    await writeHistory(store, { at: JANUARY, runs: 5 });
    await exported();
    expect(await stateOf("2026_01")).toBe("closing");
    await writeFile(join(folder, "nocturne", "2026_01", "attempt.jsonl.gz"), "not what it was");
    expect(await archive()).toMatchObject([{ kind: "gone" }]);
    expect(await linesOf("2026_01", "attempt")).toHaveLength(5);
  });

  it("keeps its last tables when its files are no longer whole and others have been dropped already", async () => {
    await writeHistory(store, { at: JANUARY, runs: 5 });
    await exported();
    await store.pool.query("ALTER TABLE ledger DETACH PARTITION ledger_2026_01; DROP TABLE ledger_2026_01");
    const file = join(folder, "nocturne", "2026_01", "attempt.jsonl.gz");
    const whole = await readFile(file);
    await writeFile(file, whole.subarray(0, 40));
    expect(await codeOf(archive())).toBe("ARCHIVE_DAMAGED");
    expect(await one("SELECT count(*)::int FROM attempt_2026_01")).toBe(5);
    await writeFile(file, whole);
    expect(await archive()).toMatchObject([{ kind: "gone" }]);
    expect(await tablesOf("2026_01")).toBe(0);
  });
});

describe("parameters", () => {
  const count = (): Promise<number> => one("SELECT count(*)::int FROM frozen_params");

  it("that no attempt names any more are forgotten, those of other months stay", async () => {
    const january = await writeHistory(store, { at: JANUARY, runs: 2_100 });
    const march = await writeHistory(store, { at: MARCH, runs: 2 });
    const shared = "(SELECT params_hash FROM attempt WHERE run_id = $2)";
    await store.pool.query(`UPDATE attempt SET params_hash = ${shared} WHERE run_id = $1`, [
      march.runId(0),
      january.runId(5),
    ]);
    expect(await count()).toBe(2_102);
    await archive();
    // One of January's is named by March; one of March's is named by nobody, and was not asked about.
    expect(await count()).toBe(3);
    expect(await one("SELECT count(*)::int FROM orphan_params")).toBe(0);
  });

  it("that a flush names again while they are about to be forgotten stay", async () => {
    const { runId } = await writeHistory(store, { at: MARCH, runs: 1 });
    const hash = await one<string>("SELECT params_hash FROM attempt WHERE run_id = $1", [runId(0)]);
    await store.pool.query("DELETE FROM attempt");
    await store.pool.query("INSERT INTO orphan_params VALUES ($1), ('another')", [hash]);
    const writer = await Writer.take(store);
    await writer.write({ frozenParams: [{ hash, params: { run: 0 } }] });
    await writer.close();
    await archive();
    expect(await count()).toBe(1);
  });
});
