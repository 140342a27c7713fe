import { execFile, spawn, type ChildProcess } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import pg from "pg";
import { packageRoot } from "../../engine/local/package-root.ts";

const run = promisify(execFile);
const LOOK_MS = 100;
const READY_WITHIN_MS = 300_000;
const RUN_WITHIN_MS = 1_800_000;

/** What is set; everything else is as Airflow comes. */
const CHOSEN: Readonly<Record<string, string>> = {
  AIRFLOW__CORE__EXECUTOR: "LocalExecutor",
  AIRFLOW__CORE__PARALLELISM: "32",
  AIRFLOW__CORE__MAX_ACTIVE_TASKS_PER_DAG: "100",
  AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME: "0.1",
  // On a busy machine its workers gave up on its API server: a slow answer is to count as slow, not as a failed task.
  AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT: "120",
};
export const SETTINGS = Object.entries(CHOSEN)
  .map(([name, value]) => `${name.replace(/^AIRFLOW__[A-Z]+__/, "").toLowerCase()} ${value}`)
  .join(", ");

/** The folder of an Airflow: NOCTURNE_BENCH_AIRFLOW, or a new one with the newest release from pip; null where it cannot be had. */
export async function findAirflow(scratch: string): Promise<string | null> {
  const given = process.env["NOCTURNE_BENCH_AIRFLOW"];
  if (given !== undefined) return existsSync(join(given, "bin/airflow")) ? given : null;
  const venv = join(scratch, "venv");
  try {
    await run("python3", ["-m", "venv", venv]);
    await run(join(venv, "bin/pip"), ["install", "-q", "apache-airflow>=3,<4", "psycopg2-binary", "asyncpg"], {
      maxBuffer: 2 ** 26,
    });
    return venv;
  } catch {
    return null;
  }
}

/** One run as Airflow itself tells it. */
export interface AirflowRun {
  readonly state: string;
  readonly seconds: number;
  readonly tasks: number;
}

/** An API server, a scheduler and a DAG processor over a database of their own. */
export class Airflow {
  readonly version: string;
  private readonly url: string;
  private readonly database: pg.Client;
  private readonly children: readonly ChildProcess[];
  private readonly token: string;

  private constructor(
    version: string,
    url: string,
    database: pg.Client,
    children: readonly ChildProcess[],
    token: string,
  ) {
    this.version = version;
    this.url = url;
    this.database = database;
    this.children = children;
    this.token = token;
  }

  /** `databaseUrl`: an empty database. */
  static async start(venv: string, home: string, databaseUrl: string): Promise<Airflow> {
    mkdirSync(join(home, "dags"), { recursive: true });
    copyFileSync(join(packageRoot(), "test/bench/airflow-dags.py"), join(home, "dags/shapes.py"));
    const port = await freePort();
    const url = `http://127.0.0.1:${port}`;
    const env = {
      ...process.env,
      ...CHOSEN,
      PATH: `${join(venv, "bin")}:${process.env["PATH"] ?? ""}`,
      AIRFLOW_HOME: home,
      AIRFLOW__DATABASE__SQL_ALCHEMY_CONN: databaseUrl.replace(/^postgres(ql)?:/, "postgresql+psycopg2:"),
      AIRFLOW__CORE__LOAD_EXAMPLES: "False",
      AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION: "False",
      AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS: "True",
      AIRFLOW__CORE__EXECUTION_API_SERVER_URL: `${url}/execution/`,
      AIRFLOW__API__PORT: String(port),
      AIRFLOW__API__HOST: "127.0.0.1",
      AIRFLOW__API_AUTH__JWT_SECRET: "a-secret-of-this-benchmark-alone-and-long-enough-for-any-digest-0123456789",
    };
    const program = join(venv, "bin/airflow");
    const version = (await run(program, ["version"], { env })).stdout.trim().split("\n").at(-1) ?? "";
    await run(program, ["db", "migrate"], { env, maxBuffer: 2 ** 26 });
    const database = new pg.Client(databaseUrl);
    await database.connect();
    const children = ["api-server", "scheduler", "dag-processor"].map((name) => {
      const log = openSync(join(home, `${name}.log`), "a");
      // A group of its own: its workers end with it.
      return spawn(program, [name], { env, cwd: home, stdio: ["ignore", log, log], detached: true });
    });
    try {
      const token = await eventually("Airflow's token", READY_WITHIN_MS, () => askToken(url));
      await eventually("Airflow's DAGs", READY_WITHIN_MS, async () => {
        const { rows } = await database.query<{ n: number }>("SELECT count(*)::int AS n FROM serialized_dag");
        return (rows[0]?.n ?? 0) >= 6 ? true : null;
      });
      return new Airflow(version, url, database, children, token);
    } catch (error) {
      await stopAll(children, database);
      throw new Error(`Airflow did not start: ${lastWords(home)}`, { cause: error });
    }
  }

  /** Triggers a DAG by the REST API and waits for its end; the times are those of its own dag_run. */
  async run(dagId: string): Promise<AirflowRun> {
    const response = await fetch(`${this.url}/api/v2/dags/${dagId}/dagRuns`, {
      method: "POST",
      headers: { authorization: `Bearer ${this.token}`, "content-type": "application/json" },
      body: JSON.stringify({ logical_date: null }),
    });
    if (!response.ok) throw new Error(`Airflow answered ${response.status}: ${await response.text()}`);
    const { dag_run_id: runId } = (await response.json()) as { dag_run_id: string };
    return eventually(`the end of ${dagId}`, RUN_WITHIN_MS, async () => {
      const { rows } = await this.database.query<{ state: string; seconds: number; tasks: number }>(
        `SELECT state, extract(epoch FROM end_date - start_date)::float8 AS seconds,
           (SELECT count(*)::int FROM task_instance
            WHERE dag_id = run.dag_id AND run_id = run.run_id AND state = 'success') AS tasks
         FROM dag_run run WHERE dag_id = $1 AND run_id = $2`,
        [dagId, runId],
      );
      const [row] = rows;
      return row?.state === "success" || row?.state === "failed" ? row : null;
    });
  }

  stop(): Promise<void> {
    return stopAll(this.children, this.database);
  }
}

async function askToken(url: string): Promise<string | null> {
  const response = await fetch(`${url}/auth/token`).catch(() => null);
  if (response === null || !response.ok) return null;
  return ((await response.json()) as { access_token: string }).access_token;
}

/** Other people's processes can only be asked again. */
async function eventually<T>(what: string, withinMs: number, look: () => Promise<T | null>): Promise<T> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found !== null) return found;
    if (performance.now() > deadline) throw new Error(`waited ${withinMs / 1000} s for ${what}`);
    await delay(LOOK_MS);
  }
}

async function stopAll(children: readonly ChildProcess[], database: pg.Client): Promise<void> {
  await database.end();
  for (const child of children) {
    if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) continue;
    const gone = new Promise((resolve) => child.once("exit", resolve));
    process.kill(-child.pid, "SIGTERM");
    const killing = setTimeout(() => process.kill(-(child.pid ?? 0), "SIGKILL"), 15_000);
    await gone;
    clearTimeout(killing);
  }
}

function lastWords(home: string): string {
  const logs = ["api-server", "scheduler", "dag-processor"].map((name) => join(home, `${name}.log`));
  return logs.map((log) => (existsSync(log) ? readFileSync(log, "utf8").slice(-1_000) : "")).join("\n");
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  await new Promise((closed) => server.close(closed));
  return port;
}
