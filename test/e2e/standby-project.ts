import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { HomeProject } from "./home-project.ts";
import { until } from "./project.ts";
import type { RunningSystem } from "./running-system.ts";

/** A run each second, none left out: what is missing in its dates was lost, what is there twice was doubled. */
const TICK = (startAt: Date): string => `dag: tick
schedule: { every: 1s, catchup: 1h }
start_date: ${startAt.toISOString().slice(0, 19)}Z
max_active_runs: 8
tasks:
  tock: { operator: noop }
`;

/** One Glue job, launched once: a `find` operator, so that a doubtful launch has to be searched. */
const JOB = `dag: job
schedule: "@once"
start_date: 2026-01-01
tasks:
  job:
    operator: glue.job
    with:
      job: one
      script: deploy/spark/run_sql.py
      worker_type: G.1X
      workers: 2
      files: { sql: sql/jobs/one.sql }
      arguments: { output.one: "s3://nocturne-artifacts/one/?format=parquet" }
`;

const ONE = "-- one: a single row.\n-- output: one\n\nCREATE OR REPLACE TEMP VIEW one AS SELECT 1 AS one;\n";

/** Writes down who writes which row of a fleet: each process is known by its connections' name. */
const AUDIT = (fleet: string): string => `
CREATE TABLE IF NOT EXISTS public.written (at timestamptz, who text, fleet text, what text, epoch bigint);
CREATE OR REPLACE FUNCTION public.note_write() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE epoch bigint;
BEGIN
  EXECUTE format('SELECT epoch FROM %I.writer', TG_TABLE_SCHEMA) INTO epoch;
  INSERT INTO public.written
  VALUES (clock_timestamp(), current_setting('application_name'), TG_TABLE_SCHEMA, TG_ARGV[0], epoch);
  RETURN NULL;
END $$;
DO $$ DECLARE each record; BEGIN
  FOR each IN SELECT oid::regclass AS name, relname FROM pg_class
    WHERE relnamespace = '${fleet}'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
      AND relname !~ '^kysely_'
  LOOP
    EXECUTE format('CREATE TRIGGER note_write AFTER INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION public.note_write(%L)', each.name, each.relname);
  END LOOP;
END $$`;

export interface Written {
  readonly at: number;
  readonly who: string;
  readonly what: string;
  /** Of the writer's row at that moment. */
  readonly epoch: string;
}

/** A project on which several `nocturne up` work at once, and which knows who wrote what. */
export class StandbyProject extends HomeProject {
  constructor() {
    super();
    rmSync(join(this.folder, "dags/nightly_store_sales.yaml"));
    mkdirSync(join(this.folder, "sql/jobs"), { recursive: true });
    writeFileSync(join(this.folder, "sql/jobs/one.sql"), ONE);
    this.configure();
  }

  writeTick(): void {
    this.writeDag("tick", TICK(new Date()));
  }

  writeJob(): void {
    this.writeDag("job", JOB);
  }

  /** A process of the role `engine` alone, whose writes are known by `name`. */
  async engine(name: string, ...args: string[]): Promise<RunningSystem> {
    const url = new URL(await this.databaseUrl());
    url.searchParams.set("application_name", name);
    return this.up("--roles", "engine", "--database-url", url.href, ...args);
  }

  /** From now on every row that is written in this fleet is known. */
  async audit(fleet = "nocturne"): Promise<void> {
    await this.rows(AUDIT(fleet));
  }

  /** What was written of runs and their tasks, in order. */
  written(fleet = "nocturne"): Promise<Written[]> {
    return this.rows<Written>(
      "SELECT at, who, what, epoch FROM public.written WHERE fleet = $1 AND what <> 'writer' ORDER BY at",
      [fleet],
    );
  }

  /** Who wrote in each epoch, in order. Two in one epoch is what the fence is there to forbid. */
  async writers(fleet = "nocturne"): Promise<string[]> {
    const epochs = new Map<string, Set<string>>();
    for (const { epoch, who } of await this.written(fleet)) {
      epochs.set(epoch, (epochs.get(epoch) ?? new Set()).add(who));
    }
    return [...epochs.values()].map((names) => [...names].join(" and "));
  }

  /** Waits until `name` has written `rows` rows of `what`. */
  async wrote(name: string, what = "dag_run", rows = 1, fleet = "nocturne"): Promise<void> {
    await until(`${rows} rows of ${what} by ${name}`, async () => {
      const written = await this.written(fleet);
      return written.filter((row) => row.who === name && row.what === what).length >= rows;
    });
  }

  /** How many runs of `tick` there are, and whether each second has exactly one. */
  async ticks(fleet = "nocturne"): Promise<{ count: number; gaps: number }> {
    const rows = await this.rows<{ at: number }>(
      `SELECT logical_at AS at FROM ${fleet}.run_key WHERE dag_id = 'tick' ORDER BY logical_at`,
    );
    const gaps = rows.filter(({ at }, index) => index > 0 && at - (rows[index - 1]?.at ?? 0) !== 1_000).length;
    return { count: rows.length, gaps };
  }

  /** Waits until the run of `job` has ended, and answers in which state. */
  async jobEnded(fleet = "nocturne"): Promise<string> {
    return until("the end of the job's run", async () => {
      const [run] = await this.rows<{ state: string }>(
        `SELECT state FROM ${fleet}.dag_run WHERE dag_id = 'job' AND state IN ('success', 'failed')`,
      );
      return run?.state ?? null;
    });
  }
}

/** In each epoch one process wrote, each of these and nobody else. A busy machine may let the row change hands more often. */
export function expectOneAtATime(writers: readonly string[], ...names: readonly string[]): void {
  expect([...new Set(writers)].sort()).toEqual([...names].sort());
}
