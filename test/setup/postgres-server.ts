import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import type { TestProject } from "vitest/node";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { migrate } from "../../engine/store/migrate.ts";
import { openStore } from "../../engine/store/open.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** A superuser's url of the server that this run's tests share. */
    readonly postgresUrl: string;
    /** The migrated database of which every test file gets a copy. */
    readonly templateDatabase: string;
  }
}

/** One Postgres for the whole run: that of NOCTURNE_TEST_DATABASE_URL, else an embedded one in a folder of its own. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const given = process.env["NOCTURNE_TEST_DATABASE_URL"];
  const server = given === undefined ? await startEmbedded() : { url: given, stop: async () => undefined };
  const templateDatabase = `nocturne_template_${process.pid}`;
  await administer(server.url, `CREATE DATABASE ${templateDatabase}`);
  const databaseUrl = withDatabase(server.url, templateDatabase);
  const store = await openStore({ databaseUrl, fleet: "nocturne", applicationName: "tests" });
  await migrate(store);
  await store.close();
  project.provide("postgresUrl", server.url);
  project.provide("templateDatabase", templateDatabase);
  return async () => {
    await administer(server.url, `DROP DATABASE ${templateDatabase}`);
    await server.stop();
  };
}

async function startEmbedded(): Promise<{ url: string; stop(): Promise<void> }> {
  const home = await mkdtemp(join(tmpdir(), "nocturne-tests-"));
  // Where the server's account may not pass through, its cluster is made elsewhere and outlives the run.
  await chmod(home, 0o755);
  const server = await startPostgres({ home });
  const stop = async (): Promise<void> => {
    await server.stop();
    await rm(home, { recursive: true, force: true });
  };
  return { url: server.url, stop };
}

export const withDatabase = (url: string, database: string): string =>
  Object.assign(new URL(url), { pathname: `/${database}` }).href;

/** One statement that needs a connection of its own to the server's first database. */
export async function administer(url: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
