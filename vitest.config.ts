import { defineConfig } from "vitest/config";

const needsBuild = new Set(["operators", "local-aws", "cli", "e2e", "interop", "chaos"]);

const needsPostgres = new Set(["store", "operators", "chaos"]);

/** Guards that ask a real Postgres run with the store's tests. */
const onPostgres = ["test/guards/{statements,schema}.test.ts"];

/** Rooms of tests, fast ones first. `unit` and `scenario` are pure; the others start what they need themselves. */
const project = (name: string, folders: string[], timeoutMs: number, parallel: boolean) => ({
  test: {
    name,
    include: [...folders.map((folder) => `test/${folder}/**/*.test.ts`), ...(name === "store" ? onPostgres : [])],
    testTimeout: timeoutMs,
    hookTimeout: 120_000,
    fileParallelism: parallel,
    globalSetup: [
      ...(needsBuild.has(name) ? ["test/setup/build.ts"] : []),
      ...(needsPostgres.has(name) ? ["test/setup/postgres-server.ts"] : []),
    ],
    ...(name === "unit" ? { exclude: onPostgres } : {}),
    // Each seed has processes of its own: more than two of them at once are in one another's way.
    ...(name === "chaos" ? { maxConcurrency: 2 } : {}),
  },
});

/** Where CI wants the figures of the run; people need none. */
const report = process.env["NOCTURNE_TEST_REPORT"];

export default defineConfig({
  test: {
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      project("unit", ["unit", "scenario", "guards"], 60_000, true),
      project("store", ["store", "runtime", "notify", "api"], 60_000, true),
      project("operators", ["operators", "conformance"], 60_000, true),
      project("local-aws", ["local-aws"], 60_000, true),
      project("cli", ["cli", "local"], 120_000, true),
      project("e2e", ["e2e"], 240_000, false),
      project("interop", ["interop"], 240_000, false),
      project("chaos", ["chaos"], 240_000, false),
      project("model", ["model"], 240_000, false),
    ],
  },
});
