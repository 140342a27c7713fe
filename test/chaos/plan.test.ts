import { join } from "node:path";
import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { readDagFolder } from "../../engine/dagfile/read.ts";
import { operatorDescriptors } from "../../operators/index.ts";
import { drawPlan } from "./draw-plan.ts";
import { makeFolder } from "./project-folder.ts";

const SEEDS = Array.from({ length: 150 }, (_, index) => index + 1);

test("every DAG that a seed draws is one that the reader takes", async () => {
  const operators = operatorDescriptors;
  const problems: string[] = [];
  for (const seed of SEEDS) {
    const projectRoot = makeFolder(drawPlan(seed), { databaseUrl: "postgres://nobody", fleet: "none", awsUrl: "none" });
    const found = await readDagFolder({ folder: join(projectRoot, "dags"), projectRoot, operators, environment: null });
    rmSync(projectRoot, { recursive: true, force: true });
    problems.push(...found.problems.map(({ message }) => `seed ${seed}: ${message}`));
  }
  expect(problems).toEqual([]);
});

test("the seeds draw every kind of task, of incident and of certainty", () => {
  const plans = SEEDS.map(drawPlan);
  const kinds = new Set(plans.flatMap(({ main }) => main.tasks.map(({ kind }) => kind)));
  expect([...kinds].sort()).toEqual([
    "athena",
    "cluster",
    "glue",
    "noop",
    "redshift",
    "shell",
    "step",
    "terminate",
    "trigger",
  ]);
  const incidents = new Set(plans.flatMap((plan) => plan.incidents.map(({ kind }) => kind)));
  expect([...incidents].sort()).toEqual([
    "cancel",
    "clear",
    "fault",
    "freeze",
    "kill",
    "kill_all",
    "kill_aws",
    "mark",
    "start",
  ]);
  expect(new Set(plans.map(({ certainty }) => certainty)).size).toBe(3);
});
