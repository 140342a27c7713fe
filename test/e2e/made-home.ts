import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { inject } from "vitest";

/** A new folder that the account of a Postgres server may pass through, so that its cluster stays in it and goes with it. */
export function temporaryFolder(name: string): string {
  const folder = mkdtempSync(join(tmpdir(), `nocturne-${name}-`));
  chmodSync(folder, 0o755);
  return folder;
}

/** Makes `home` one whose Postgres was made before. The very first start is what the README's, the demo's and test/local's tests see. */
export function layCluster(home: string): void {
  mkdirSync(join(home, "postgres"), { recursive: true });
  execFileSync("cp", ["-a", inject("postgresCluster"), join(home, "postgres/cluster")]);
}
