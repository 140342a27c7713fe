import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import { administer, withDatabase } from "./postgres-server.ts";

/** A database of its own on the server that the run's tests share. */
export interface TestDatabase {
  readonly url: string;
  /** Ends what is still connected and removes it. */
  drop(): Promise<void>;
}

/** A copy of the migrated template (fleet "nocturne"), or an empty database. Takes about 0.1 s. */
export async function testDatabase(kind: "migrated" | "empty" = "migrated"): Promise<TestDatabase> {
  const server = inject("postgresUrl");
  const name = `nocturne_test_${randomBytes(8).toString("hex")}`;
  const template = kind === "migrated" ? inject("templateDatabase") : "template1";
  await administer(server, `CREATE DATABASE ${name} TEMPLATE ${template}`);
  return {
    url: withDatabase(server, name),
    drop: () => administer(server, `DROP DATABASE ${name} WITH (FORCE)`),
  };
}
