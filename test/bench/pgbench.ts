import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Store } from "../../engine/store/open.ts";

const SECONDS = 5;

/** How many single-row updates one client of pgbench commits a second on the same server; null: it is not installed. */
export async function commitsPerSecond(store: Store): Promise<number | null> {
  const folder = mkdtempSync(join(tmpdir(), "nocturne-pgbench-"));
  try {
    const { fleet, databaseUrl } = store.settings;
    await store.pool.query(
      "CREATE TABLE bench_counter (id int PRIMARY KEY, n int); INSERT INTO bench_counter VALUES (1, 0)",
    );
    const script = join(folder, "update.sql");
    writeFileSync(script, `UPDATE ${fleet}.bench_counter SET n = n + 1 WHERE id = 1;\n`);
    const args = ["-n", "-M", "prepared", "-c", "1", "-T", String(SECONDS), "-f", script, databaseUrl];
    const { stdout } = await promisify(execFile)("pgbench", args);
    return Number(/tps = ([\d.]+)/.exec(stdout)?.[1]);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
