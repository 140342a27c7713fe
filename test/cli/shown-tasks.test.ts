import pc from "picocolors";
import { expect, test } from "vitest";
import { runLines } from "../../engine/cli/runs/run-lines.ts";
import type { TaskState } from "../../engine/core/states.ts";
import type { RunDetail, TaskDetail } from "../../engine/store/read-models/run-detail.ts";

const AT = Date.UTC(2026, 0, 31);

function task(taskId: string, mapIndex: number, state: TaskState): TaskDetail {
  const failure = { class: "permanent", code: "JOB_FAILED", message: "exit code 1" } as const;
  const attempt = { tryNumber: 1, launchKey: "key", state: "failed", failure, ending: null, usage: [] };
  return {
    taskId,
    operator: "noop",
    taskNo: 1,
    mapIndex,
    label: null,
    state,
    tryNumber: 1,
    maxTry: 0,
    startedAt: AT,
    endedAt: AT,
    retryAt: null,
    attempts: state === "failed" && mapIndex >= 0 ? [attempt as unknown as TaskDetail["attempts"][number]] : [],
  };
}

function shown(states: readonly TaskState[]): string[] {
  const tasks = [task("each", -1, "failed"), ...states.map((state, index) => task("each", index, state))];
  const run = { dagRunId: "one", dagId: "many", state: "failed", runId: "id", runType: "manual", ending: null };
  const times = { queuedAt: AT, startedAt: AT, endedAt: AT, quarantine: null };
  const detail = {
    run: { ...run, ...times },
    versionNumber: 1,
    budget: null,
    tasks: [...tasks, task("sum", -1, "none")],
  };
  return runLines(detail as unknown as RunDetail, pc.createColors(false));
}

const names = (lines: readonly string[]): string[] =>
  lines.slice(lines.findIndex((line) => line.startsWith("TASK")) + 1).map((line) => line.split(/ {2,}/)[0] ?? "");

test("a task mapped over few items has a line for each", () => {
  expect(names(shown(["success", "failed"])).slice(0, 4)).toEqual(["each", "each[0]", "each[1]", "sum"]);
});

test("a task mapped over many items is one line with counts, and a line for each instance that failed", () => {
  const lines = shown(Array.from({ length: 500 }, (_, index) => (index === 7 ? "failed" : "success")));
  expect(names(lines).slice(0, 4)).toEqual(["each", "each[7]", "sum", ""]);
  expect(lines.find((line) => line.startsWith("each "))).toContain("failed (499 success, 1 failed)");
  expect(lines).toContainEqual(expect.stringContaining("each[7], try 1"));
});

test("of many instances that failed the first are shown, and how many more there are", () => {
  const lines = shown(Array.from({ length: 500 }, () => "failed" as const));
  expect(lines.length).toBeLessThan(70);
  expect(lines.at(-1)).toBe("each: 490 more went wrong; `nocturne tasks list one` has every one");
});
