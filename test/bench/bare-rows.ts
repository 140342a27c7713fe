import { randomBytes, randomUUID } from "node:crypto";
import type { FlushBatch } from "../../engine/core/flush-batch.ts";
import type { Attempt, DagRun, TaskInstance } from "../../engine/core/records.ts";
import { newRunId } from "../../engine/runtime/ids.ts";
import { flush, openFlushSession } from "../../engine/store/flush.ts";
import type { Store } from "../../engine/store/open.ts";
import { releaseWriter, takeWriter } from "../../engine/store/writer-row.ts";
import { attempt, EMPTY, run, task, version } from "../store/batches.ts";

/** Rows of this many tasks go into one transaction: about what the engine gathers. */
const TASKS_PER_FLUSH = 200;

/**
 * The floor under the engine: the rows that `tasks` no-op tasks leave behind, written by the same statements in transactions
 * of the same size, one after another, with nothing decided and everything made up beforehand. Answers tasks a second.
 */
export async function bareRows(store: Store, tasks: number, batchesOf = launchedRows): Promise<number> {
  const owner = randomUUID();
  const taken = await takeWriter(store, { owner, ttlMs: 600_000, protocol: 1 });
  if (taken.kind !== "taken") throw new Error(`the writer's row is ${taken.kind}`);
  const session = await openFlushSession(store);
  const publication = version(`bare_${randomBytes(4).toString("hex")}`, 1, { a: 1 });
  const batches = batchesOf(publication, tasks);
  const startedAt = performance.now();
  for (const batch of batches) {
    const outcome = await flush(session, { epoch: taken.epoch, owner }, batch);
    if (outcome.kind !== "committed") throw new Error(JSON.stringify(outcome));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  await session.close();
  await releaseWriter(store, { epoch: taken.epoch, owner });
  return tasks / seconds;
}

/** Of tasks that are decided with their intent: each row is written once. */
export function decidedRows(publication: ReturnType<typeof version>, tasks: number): FlushBatch[] {
  const now = Date.now();
  const batches: FlushBatch[] = [{ ...EMPTY, versions: [publication] }];
  for (let made = 0; made < tasks; made += TASKS_PER_FLUSH) {
    const own = runOf(publication, now, Math.min(TASKS_PER_FLUSH, tasks - made));
    const ends = { startedAt: null, endedAt: now } as const;
    batches.push({
      ...EMPTY,
      runsCreated: own.slice(0, 1).map(({ run }) => ({ ...run, state: "success", endedAt: now })),
      tasksCreated: own.map(({ queued }) => ({ ...queued, state: "success", ...ends })),
      attemptsCreated: own.map(({ open }) => ({ ...open, state: "succeeded", submittedAt: now, endedAt: now })),
      history: own.map(({ none: { runId, taskNo, mapIndex } }) => {
        const told = { why: "the job succeeded", by: "engine", at: now };
        return { runId, taskNo, mapIndex, from: "none", to: "success", ...told } as const;
      }),
      frozenParams: [{ hash: "p".repeat(64), params: {} }],
    });
  }
  return batches;
}

/** Of tasks that are launched. Made up beforehand; the first publishes the DAG and makes the runs' rows, as an engine would have long before. */
export function launchedRows(publication: ReturnType<typeof version>, tasks: number): FlushBatch[] {
  const now = Date.now();
  const batches: FlushBatch[] = [{ ...EMPTY, versions: [publication] }];
  let before: Before[] = [];
  for (let made = 0; made < tasks + TASKS_PER_FLUSH; made += TASKS_PER_FLUSH) {
    const own = made >= tasks ? [] : runOf(publication, now, Math.min(TASKS_PER_FLUSH, tasks - made));
    batches.push(next(before, own, now));
    before = own;
  }
  return batches;
}

interface Before {
  readonly run: DagRun;
  readonly none: TaskInstance;
  readonly queued: TaskInstance;
  readonly open: Attempt;
}

function runOf(publication: ReturnType<typeof version>, now: number, tasks: number): Before[] {
  const made = run(publication, { runId: newRunId(now), conf: {}, state: "running", startedAt: now });
  return Array.from({ length: tasks }, (_, taskNo) => {
    const none = task(made, taskNo, { maxTry: 1 });
    const queued = task(made, taskNo, { maxTry: 1, state: "queued", tryNumber: 1 });
    const open = attempt(queued, { operator: "noop", intentAt: now, sendBy: now + 20_000, submitAt: now });
    return { run: made, none, queued, open };
  });
}

/** One flush: tasks that were queued have succeeded, and others are made and queued. */
function next(ended: readonly Before[], begun: readonly Before[], now: number): FlushBatch {
  const told = { why: "admitted", by: "engine", at: now };
  const of = ({ runId, taskNo, mapIndex }: TaskInstance) => ({ runId, taskNo, mapIndex });
  return {
    ...EMPTY,
    runsCreated: begun.slice(0, 1).map((each) => each.run),
    runsChanged: ended.slice(0, 1).map(({ run: from }) => ({ from, to: { ...from, state: "success", endedAt: now } })),
    tasksCreated: begun.map(({ none }) => none),
    tasksChanged: [
      ...begun.map(({ none, queued }) => ({ from: none, to: queued })),
      ...ended.map(({ queued }) => ({
        from: queued,
        to: { ...queued, state: "success", startedAt: now, endedAt: now } as const,
      })),
    ],
    attemptsCreated: begun.map(({ open }) => open),
    attemptsChanged: ended.map(({ open }) => ({
      from: open,
      to: { ...open, state: "succeeded", submittedAt: now, endedAt: now },
    })),
    history: [
      ...begun.map(({ none }) => ({ ...of(none), from: "none", to: "queued", ...told }) as const),
      ...ended.map(({ none }) => ({ ...of(none), from: "queued", to: "success", ...told }) as const),
    ],
    frozenParams: [{ hash: "p".repeat(64), params: {} }],
  };
}
