import { afterEach, beforeEach, expect, test } from "vitest";
import { Project, expectOneJobPerKey, until } from "./project.ts";

const KILLS = Number(process.env["NOCTURNE_TEST_KILLS"] ?? 6);
let project: Project;

beforeEach(async () => {
  project = new Project();
  await project.startAws();
  await project.upload(3);
});
afterEach(() => project.close());

/** Where the kills fall: after so many remote jobs, so that every part of the nights is met, whatever the machine's speed. */
const moments = (kills: number): number[] => Array.from({ length: kills }, (_, index) => 2 + 5 * index);

test("killed again and again during three nights: every night is green, one remote job per launch key", async () => {
  for (const jobs of moments(KILLS)) {
    const nights = project.backfill(1, 3);
    const gone = nights.finished.then(() => true);
    await until(`${jobs} remote jobs`, async () => {
      const ended = await Promise.race([gone, Promise.resolve(false)]);
      return ended || (await project.remoteRuns()).length >= jobs;
    });
    nights.kill("SIGKILL");
    await nights.finished;
  }
  const last = await project.backfill(1, 3).finished;
  expect(last.code, last.stdout + last.stderr).toBe(0);
  const { runs } = JSON.parse((await project.run("runs", "list", "--json")).stdout) as { runs: { state: string }[] };
  expect(runs.map((run) => run.state)).toEqual(["success", "success", "success"]);
  expectOneJobPerKey(await project.remoteRuns());
});
