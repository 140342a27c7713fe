import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { AwsError, type Clock } from "../contract.ts";
import type { JobFault } from "../faults.ts";
import type { RunnerPool, Work, WorkEnd, WorkEvents } from "../runner-pool.ts";
import type { ObjectStore } from "../s3/object-store.ts";
import { packageRoot } from "./package-root.ts";
import { pysparkInstalled, runPython } from "./pyspark.ts";
import { stalled } from "./stall.ts";

export interface SparkScriptsOptions {
  /** By which a stalled script waits. */
  readonly clock: Clock;
  readonly store: ObjectStore;
  readonly pool: RunnerPool;
  readonly threads: number;
  /** Environment that makes the AWS SDK in a script talk to local-aws. */
  readonly environment: () => Readonly<Record<string, string>>;
}

/** What a Glue run or an EMR step wants done: a PySpark script in S3 and the arguments after it. */
export interface SparkJob {
  readonly script: string;
  readonly args: readonly string[];
}

const NO_PYSPARK = "LocalRunner: PySpark is not installed; only deploy/spark/run_sql.py runs without it";

/** What runs the packaged run_sql.py here. */
export const sparkEngine = (): "DuckDB" | "PySpark" =>
  process.env["NOCTURNE_LOCAL_SPARK"] === "pyspark" ? "PySpark" : "DuckDB";

/**
 * Decides what runs a script: the DuckDB runner for the packaged run_sql.py, real PySpark for everything else, or for all
 * with NOCTURNE_LOCAL_SPARK=pyspark. A script that nothing here can run fails with the reason; it never counts as done.
 */
export class SparkScripts {
  readonly #options: SparkScriptsOptions;

  constructor(options: SparkScriptsOptions) {
    this.#options = options;
  }

  start(job: SparkJob, events: WorkEvents, fault: JobFault | null): Work {
    if (fault !== null) events.started();
    switch (fault?.kind) {
      case "fail_run":
        return { ended: Promise.resolve({ kind: "failed", error: "fault: fail_run" }), cancel: () => undefined };
      case "stall_run":
        return stalled(this.#options.clock, fault.ms, () => this.#start(job, events));
      default:
        return this.#start(job, events);
    }
  }

  #start(job: SparkJob, events: WorkEvents): Work {
    let work: Work | null = null;
    let cancelled = false;
    const begin = async (): Promise<WorkEnd> => {
      const script = await this.#options.store.read(job.script);
      if (cancelled) return { kind: "cancelled" };
      const packaged = await readFile(join(packageRoot, "deploy/spark/run_sql.py")).catch(() => null);
      const duckdb = packaged?.equals(script) === true && sparkEngine() === "DuckDB";
      if (!duckdb && !(await pysparkInstalled())) return { kind: "failed", error: NO_PYSPARK };
      if (cancelled) return { kind: "cancelled" };
      if (!duckdb) return this.#python(script, job.args, events, (started) => (work = started));
      const { store, pool, threads } = this.#options;
      work = pool.run({ arguments: pairs(job.args), s3Root: store.root, threads }, events);
      return work.ended;
    };
    return {
      ended: begin().catch((error: unknown): WorkEnd => ({ kind: "failed", error: reason(error, job.script) })),
      cancel() {
        cancelled = true;
        work?.cancel();
      },
    };
  }

  async #python(
    script: Uint8Array,
    args: readonly string[],
    events: WorkEvents,
    started: (work: Work) => void,
  ): Promise<WorkEnd> {
    const { store, environment } = this.#options;
    const path = `${store.temporaryPath()}.py`;
    await writeFile(path, script);
    try {
      const work = runPython(path, args, { ...environment(), NOCTURNE_S3_ROOT: store.root }, events);
      started(work);
      return await work.ended;
    } finally {
      await rm(path, { force: true });
    }
  }
}

/** `--key value` and `--key=value` as a map. */
function pairs(args: readonly string[]): Readonly<Record<string, string>> {
  const map: Record<string, string> = {};
  for (let at = 0; at < args.length; at++) {
    const [, key, value] = /^--([^=]+)(?:=(.*))?$/s.exec(args[at] ?? "") ?? [];
    if (key !== undefined) map[key] = value ?? args[++at] ?? "";
  }
  return map;
}

function reason(error: unknown, script: string): string {
  if (error instanceof AwsError) return `LocalRunner: cannot read the script ${script}: ${error.message}`;
  return `LocalRunner: ${error instanceof Error ? error.message : String(error)}`;
}
