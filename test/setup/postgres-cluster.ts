import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A folder with a Postgres cluster as initdb makes it, for homes to be copied from. */
    readonly postgresCluster: string;
  }
}

/** One initdb for the whole run: it takes two seconds of a core and more, and every test of the system has a home of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const home = await mkdtemp(join(tmpdir(), "nocturne-cluster-"));
  // The server's account must be able to pass through.
  await chmod(home, 0o755);
  await (await startPostgres({ home })).stop();
  project.provide("postgresCluster", join(home, "postgres/cluster"));
  return () => rm(home, { recursive: true, force: true });
}
