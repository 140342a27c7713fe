import { describe, expect, it } from "vitest";
import { splitBatch } from "../../../engine/core/machine/split-batch.ts";
import type { DeadlineState, Mail } from "../../../engine/core/records.ts";
import type { FlushBatch } from "../../../engine/core/flush-batch.ts";
import { AT, EMPTY, dagState, deadline, mail, run, version } from "../../store/batches.ts";

const dag = version("nightly", 1, { extract: 1 });
const [culprit, healthy] = [run(dag), run(dag)];
const change = <T>(from: T, changes: Partial<T>) => ({ from, to: { ...from, ...changes } });

const parts = (changes: Partial<FlushBatch>) => {
  const all = splitBatch({ ...EMPTY, runsChanged: [change(culprit, {}), change(healthy, {})], ...changes });
  const of = (runId: string): FlushBatch => all.find((part) => part.runId === runId)?.batch ?? EMPTY;
  return { culprit: of(culprit.runId), healthy: of(healthy.runId), first: all[0]?.batch, last: all.at(-1)?.batch };
};

describe("a batch that the database refused, run by run", () => {
  it("moves scheduled_until after the runs it made: dying in between loses none of them", () => {
    const dagsChanged = [change(dagState("nightly"), { scheduledUntil: AT })];
    const deadlinesCreated = [deadline("nightly")];
    const split = parts({ versions: [dag], dagsChanged, deadlinesCreated, runsChanged: [], runsCreated: [culprit] });
    expect(split.first).toEqual({ ...EMPTY, versions: [dag] });
    expect(split.culprit).toEqual({ ...EMPTY, runsCreated: [culprit] });
    expect(split.last).toEqual({ ...EMPTY, dagsChanged, deadlinesCreated });
  });

  it.each<[DeadlineState, "culprit" | "last"]>([
    ["met", "culprit"],
    ["dropped", "culprit"],
    ["missed", "last"],
    ["pending", "last"],
  ])("a deadline that becomes %s goes with: %s", (state, part) => {
    const changed = change(deadline("nightly", { runId: culprit.runId }), { state });
    const split = parts({ deadlinesChanged: [changed] });
    expect(split[part]?.deadlinesChanged).toEqual([changed]);
    expect(split.healthy.deadlinesChanged).toEqual([]);
    expect([...split.culprit.deadlinesChanged, ...(split.last?.deadlinesChanged ?? [])]).toHaveLength(1);
  });

  it.each<[Mail["kind"], "culprit" | "last"]>([
    ["run_failed", "culprit"],
    ["budget_warning", "culprit"],
    ["budget_exceeded", "culprit"],
    ["sla_missed", "last"],
  ])("a mail of kind %s goes with: %s", (kind, part) => {
    const told = mail("m@nocturne", { kind, runId: culprit.runId });
    const split = parts({ mails: [told] });
    expect(split[part]?.mails).toEqual([told]);
    expect(split.healthy.mails).toEqual([]);
    expect([...split.culprit.mails, ...(split.last?.mails ?? [])]).toHaveLength(1);
  });

  it("a mail or a deadline of no run, or of a run without rows in it, is not lost", () => {
    const mails = [mail("a", { kind: "run_failed" }), mail("b", { kind: "run_failed", runId: run(dag).runId })];
    const deadlinesChanged = [change(deadline("nightly"), { state: "dropped", decidedAt: AT })] as const;
    const { last } = parts({ mails, deadlinesChanged });
    expect(last).toMatchObject({ mails, deadlinesChanged });
  });
});
