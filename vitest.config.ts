import { availableParallelism } from "node:os";
import { defineConfig } from "vitest/config";

const needsBuild = new Set(["operators", "local-aws", "cli", "e2e", "interop", "chaos"]);

const needsPostgres = new Set(["store", "operators", "chaos"]);

/** Guards that ask a real Postgres run with the store's tests. */
const onPostgres = ["test/guards/{statements,schema}.test.ts"];

/** Most files wait more than they work, for a process, a lease or a timer: two at a time even where there are two cores. */
const SIDE_BY_SIDE = Math.max(2, availableParallelism() - 1);

/**
 * Rooms of tests, fast ones first. `unit` and `scenario` are pure; the others start what they need themselves. Rooms of one
 * group share its workers; the groups follow one another.
 */
const project = (name: string, folders: string[], timeoutMs: number, groupOrder: number, maxWorkers: number) => ({
  test: {
    name,
    include: [...folders.map((folder) => `test/${folder}/**/*.test.ts`), ...(name === "store" ? onPostgres : [])],
    testTimeout: timeoutMs,
    hookTimeout: 120_000,
    // As test/setup/until.ts: no expectation of a time, only an end with a sentence for what hangs.
    expect: { poll: { timeout: 50_000, interval: 20 } },
    maxWorkers,
    sequence: { groupOrder },
    globalSetup: [
      ...(needsBuild.has(name) ? ["test/setup/build.ts"] : []),
      ...(name === "e2e" ? ["test/setup/postgres-cluster.ts"] : []),
      ...(needsPostgres.has(name) ? ["test/setup/postgres-server.ts"] : []),
    ],
    ...(name === "unit" ? { exclude: onPostgres } : {}),
    // Each seed has processes of its own, and each search of the model a core: more at once are in one another's way.
    maxConcurrency: 2,
  },
});

/** Where CI wants the figures of the run; people need none. */
const report = process.env["NOCTURNE_TEST_REPORT"];

export default defineConfig({
  test: {
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      project("unit", ["unit", "scenario", "guards"], 60_000, 1, SIDE_BY_SIDE),
      project("store", ["store", "runtime", "notify", "api"], 60_000, 1, SIDE_BY_SIDE),
      project("operators", ["operators", "conformance"], 60_000, 1, SIDE_BY_SIDE),
      project("local-aws", ["local-aws"], 60_000, 1, SIDE_BY_SIDE),
      project("cli", ["cli", "local"], 120_000, 1, SIDE_BY_SIDE),
      project("e2e", ["e2e"], 240_000, 2, 2),
      project("interop", ["interop"], 240_000, 3, 1),
      project("chaos", ["chaos"], 240_000, 3, 1),
      project("model", ["model"], 240_000, 3, 1),
    ],
  },
});
