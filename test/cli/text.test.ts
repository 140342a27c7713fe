import fc from "fast-check";
import pc from "picocolors";
import { describe, expect, test } from "vitest";
import { counted, groupDigits, spanText, timeText } from "../../engine/cli/text/figures.ts";
import { graphLines } from "../../engine/cli/text/graph.ts";
import { isFinished, progressLines, progressSentence, type Progress } from "../../engine/cli/text/progress.ts";
import { table } from "../../engine/cli/text/table.ts";
import { cut, displayWidth } from "../../engine/cli/text/width.ts";
import { TASK_DEFAULTS, type TaskSpec } from "../../engine/core/dag.ts";

describe("tables", () => {
  test("stand by display width, whatever the script and the colours", () => {
    const bold = pc.createColors(true).bold;
    expect(
      table(
        [{ title: "STORE" }, { title: "UNITS", side: "right" }],
        [
          ["東京", "7"],
          [bold("Ålesund"), "1,234"],
          ["e\u0301", "0"],
        ],
      ),
    ).toEqual(["STORE    UNITS", "東京         7", `${bold("Ålesund")}  1,234`, "e\u0301            0"]);
  });

  test("keep every line but its trailing spaces equally wide", () => {
    const cell = fc.string({ unit: "grapheme", maxLength: 12 }).map((text) => text.replaceAll(/\s/gu, ""));
    fc.assert(
      fc.property(fc.array(fc.tuple(cell, cell), { maxLength: 8 }), (rows) => {
        const lines = table(
          [{ title: "A" }, { title: "B", side: "right" }],
          rows.map(([a, b]) => [a, `${b}.`]),
        );
        expect(new Set(lines.map(displayWidth)).size).toBe(1);
      }),
    );
  });

  test("a cut text never takes more columns than there are", () => {
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), fc.integer({ min: 1, max: 40 }), (text, width) => {
        expect(displayWidth(cut(text, width))).toBeLessThanOrEqual(width);
      }),
    );
  });
});

describe("figures", () => {
  test("read as a person would write them", () => {
    expect([800, 42_000, 187_000, 7_500_000].map(spanText)).toEqual(["0.8 s", "42 s", "3 min 07 s", "2 h 05 min"]);
    expect(["0.50", "1234.00", "27897.05", "-1234567.10", "999"].map(groupDigits)).toEqual([
      "0.50",
      "1,234.00",
      "27,897.05",
      "-1,234,567.10",
      "999",
    ]);
    expect([counted(1, "night"), counted(14, "night")]).toEqual(["1 night", "14 nights"]);
    expect([timeText(Date.UTC(2026, 0, 31, 2, 15, 7)), timeText(null)]).toEqual(["2026-01-31 02:15:07Z", ""]);
  });
});

describe("progress", () => {
  const progress: Progress = {
    runs: { success: 7, failed: 1, running: 2, queued: 4 },
    tasks: [
      { taskId: "wait_for_files", counts: { success: 10, none: 4 } },
      { taskId: "clean", counts: { success: 7, running: 1, queued: 1, failed: 1, none: 4 } },
    ],
  };
  const plain = { colors: pc.createColors(false), columns: 100 };

  test("is one bar over the runs and one line a task", () => {
    expect(progressLines(progress, "nights", 6_200, plain)).toEqual([
      "█████████████░░░░░░░░░░░  8/14 nights done, 1 failed, 2 running (6.2 s)",
      "  wait_for_files  10 done",
      "  clean            7 done   2 running   1 failed",
    ]);
  });

  test("fits the terminal, however narrow", () => {
    for (const line of progressLines(progress, "nights", 0, { ...plain, columns: 20 })) {
      expect(displayWidth(line)).toBeLessThanOrEqual(20);
    }
  });

  test("elsewhere is one sentence, and it knows when all runs have ended", () => {
    expect(progressSentence({ runs: { success: 3 }, tasks: [] }, "nights", 1_500)).toBe("3/3 nights done (1.5 s)");
    expect([isFinished(progress), isFinished({ runs: { success: 3 }, tasks: [] })]).toEqual([false, true]);
  });
});

test("a graph shows a level below the deepest of a task's upstreams, with setups and teardowns named", () => {
  const task = (taskId: string, dependsOn: string[], more: Partial<TaskSpec> = {}): TaskSpec => ({
    ...TASK_DEFAULTS,
    ...TASK_DEFAULTS,
    taskId,
    operator: "noop",
    with: {},
    dependsOn,
    triggerRule: "all_success",
    isSetup: false,
    teardownOf: [],
    failsRun: false,
    retries: 0,
    retryDelayMs: 0,
    retryBackoff: 1,
    maxRetryDelayMs: 0,
    timeoutMs: null,
    pool: null,
    poolSlots: 1,
    priority: 1,
    connection: "default",
    region: null,
    onDoubt: "fail",
    ...more,
  });
  const tasks = [
    task("extract", []),
    task("cluster", [], { isSetup: true }),
    task("load", ["extract", "cluster"]),
    task("done", ["load", "cluster"], { teardownOf: ["cluster"], triggerRule: "all_done" }),
  ];
  expect(graphLines(tasks)).toEqual([
    "  ┬─ extract  noop",
    "  └─ cluster  noop  setup",
    "  │",
    "  ── load     noop  after extract, cluster",
    "  │",
    "  ── done     noop  after load, cluster; tears down cluster; all_done",
  ]);
  const chain = Array.from({ length: 5_000 }, (_, index) => task(`t${index}`, index === 0 ? [] : [`t${index - 1}`]));
  expect(graphLines(chain).at(-1)).toBe("  ── t4999  noop  after t4998");
});
