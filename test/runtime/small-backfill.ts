import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { activeRun, type RunRows } from "../../engine/core/machine/run-rows.ts";
import type { ActiveRun } from "../../engine/core/machine/active-run.ts";
import { hasDebts } from "../../engine/core/machine/attempt-debts.ts";
import { isTransition } from "../../engine/core/machine/transitions.ts";
import type { JsonObject } from "../../engine/core/json.ts";
import { TASK_STATES, type TaskState } from "../../engine/core/states.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import type { Engine } from "../../engine/runtime/engine.ts";
import { Term } from "../../engine/runtime/term.ts";
import { groupBy } from "../../engine/store/group-by.ts";
import { loadRuns } from "../../engine/store/load.ts";
import type { Store } from "../../engine/store/open.ts";
import { shellRun } from "../../operators/shell-run/operator.ts";
import { shellRunFacts } from "../../operators/shell-run/params.ts";
import { testHost } from "../operators/host.ts";
import { dagSpec, taskSpec } from "../scenario/specs.ts";
import type { Fleet } from "./harness.ts";

const TASKS = ["extract", "load", "tidy", "publish"];

/** One task by search, one by token, one in the engine's own process, and one that waits for both. */
const NIGHT = dagSpec([
  taskSpec("extract"),
  taskSpec("load", { dependsOn: ["extract"], operator: "token" }),
  taskSpec("tidy", { dependsOn: ["extract"], operator: "shell.run" }),
  taskSpec("publish", { dependsOn: ["load", "tidy"], operator: "token" }),
]);

/** A backfill of a few days in a fleet whose database will fail. Its shell command leaves a line for every time it runs. */
export class SmallBackfill {
  readonly fleet: Fleet;
  readonly days: number;
  private readonly folder = mkdtempSync(join(tmpdir(), "nocturne-faults-"));
  private readonly lines = join(this.folder, "launched");

  constructor(fleet: Fleet, days = 2) {
    this.fleet = fleet;
    this.days = days;
  }

  ask(): Promise<string> {
    return this.fleet.backfill(1, this.days, this.days);
  }

  engine(change: Partial<EngineDeps> = {}): Promise<Engine> {
    const shell = shellRun(testHost({ maxCommands: 100 }));
    const command = `echo "$NOCTURNE_LAUNCH_KEY" >> ${this.lines}`;
    const params = shellRunFacts.params.parse({ command }) as JsonObject;
    return this.fleet.engine(NIGHT, (deps) => ({
      ...deps,
      waitsForDatabase: true,
      operators: new Map([...deps.operators, ["shell.run", { ...shellRunFacts, load: async () => shell }]]),
      operator: async (type) => (type === "shell.run" ? shell : deps.operator(type)),
      prepare: (request) => {
        if (request.task.operator !== "shell.run") return deps.prepare(request);
        return { kind: "ready", params, hash: "tidy" };
      },
      ...change,
    }));
  }

  /** Nothing lost, nothing doubled: what would be there had the database never failed. */
  async expectUnharmed(): Promise<void> {
    const { store, service } = this.fleet;
    const rows = async <T>(sql: string): Promise<T[]> => (await store.pool.query(sql)).rows as T[];
    const whole = this.days * TASKS.length;
    expect(
      await rows("SELECT task_no, failure_code, failure_message FROM attempt WHERE failure_code IS NOT NULL"),
    ).toEqual([]);
    expect(await rows("SELECT state, count(*)::int AS runs FROM dag_run GROUP BY state")).toEqual([
      { state: "success", runs: this.days },
    ]);
    expect(
      await rows("SELECT state, try_number, count(*)::int AS tasks FROM task_instance GROUP BY state, try_number"),
    ).toEqual([{ state: "success", try_number: 1, tasks: whole }]);
    expect(await rows("SELECT state, count(*)::int AS attempts FROM attempt GROUP BY state")).toEqual([
      { state: "succeeded", attempts: whole },
    ]);
    expect(await rows("SELECT state, result -> 'ok' AS ok FROM command")).toEqual([{ state: "applied", ok: true }]);
    const remote = service.jobs.map(({ launchKey }) => launchKey);
    const launched = existsSync(this.lines) ? readFileSync(this.lines, "utf8").trim().split("\n") : [];
    const keys = (await rows<{ key: string }>("SELECT launch_key AS key FROM attempt")).map(({ key }) => key);
    expect([...remote, ...launched].sort(), "one job for each launch key").toEqual(keys.sort());
    expectLegal(await rows(HISTORY));
  }

  async close(): Promise<void> {
    await this.fleet.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

interface Told {
  readonly run_id: string;
  readonly task_no: number;
  readonly from_state: TaskState;
  readonly to_state: TaskState;
  readonly at: number;
}

const HISTORY = `SELECT run_id, task_no, from_state, to_state, at FROM state_history
  WHERE from_state <> to_state ORDER BY run_id, task_no, entry_no`;

/** From where one can come within one flush: several steps leave one net change. */
const reached = new Map<TaskState, ReadonlySet<TaskState>>(
  TASK_STATES.map((from) => {
    const found = new Set<TaskState>([from]);
    for (const at of found) for (const to of TASK_STATES) if (isTransition(at, to)) found.add(to);
    return [from, found];
  }),
);

/** Of each task one unbroken line of changes that the machine knows, from nothing to success, whose times never go back. */
function expectLegal(history: readonly Told[]): void {
  const lines = groupBy(history, ({ run_id: run, task_no: task }) => `${run}/${task}`);
  for (const [task, entries] of lines) {
    let [state, at]: [TaskState, number] = ["none", 0];
    for (const entry of entries) {
      expect(entry.from_state, `history of ${task}`).toBe(state);
      expect(reached.get(state), `history of ${task}`).toContain(entry.to_state);
      expect(entry.at).toBeGreaterThanOrEqual(at);
      [state, at] = [entry.to_state, entry.at];
    }
    expect(state, `history of ${task}`).toBe("success");
  }
}

/** What a run's memory and its rows must agree on. */
function pictureOf({ run, nodes, settling, outputs, openTasks }: ActiveRun): object {
  const attempts = [...nodes.flatMap(({ attempt }) => attempt ?? []), ...settling.values()];
  return {
    run: { ...run, isReopened: run.isReopened ?? false, concurrencyKey: run.concurrencyKey ?? null },
    tasks: nodes.map(({ task }) => task),
    attempts: attempts.filter((attempt) => attempt.state === "open" || hasDebts(attempt)),
    outputs: Object.fromEntries(outputs),
    openTasks: nodes.length === 0 ? 0 : openTasks,
  };
}

/**
 * After every turn of a writer that leaves nothing on its way, compares its memory with the rows: `storeOf` gives a way to them that is not cut, by the
 * writer's own. Answers the differences, which fill up while engines run.
 */
export function compareMemory(storeOf: (databaseUrl: string) => Store | undefined): readonly string[] {
  const differences: string[] = [];
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the term it was asked of
  const turn = Term.prototype.turn;
  vi.spyOn(Term.prototype, "turn").mockImplementation(async function (this: Term, ...given) {
    await turn.apply(this, given);
    if (this["flushes"].isUnderWay) return;
    const store = storeOf(this["deps"].store.settings.databaseUrl);
    if (!store) return;
    const { runs } = this["world"];
    const rows = new Map((await loadRuns(store, [...runs.keys()])).map((each: RunRows) => [each.run.runId, each]));
    for (const [runId, active] of runs) {
      const stored = rows.get(runId);
      try {
        expect(stored && pictureOf(activeRun(stored, active.dag))).toEqual(pictureOf(active));
      } catch (error) {
        differences.push((error as Error).message);
      }
    }
  });
  return differences;
}
