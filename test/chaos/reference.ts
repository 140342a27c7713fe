import type { TriggerRule } from "../../engine/core/dag.ts";
import type { PlannedDag, PlannedTask } from "./plan.ts";

type EndState = "success" | "failed" | "upstream_failed" | "skipped";

/** How one task instance ends: its state, how many tries that takes, and the number in its output. */
export interface End {
  readonly state: EndState;
  readonly tries: number;
  readonly value: number | null;
}

export interface ExpectedRun {
  readonly state: "success" | "failed";
  /** By "t3" and "t3[1]". */
  readonly tasks: ReadonlyMap<string, End>;
}

type Verdict = "run" | "skipped" | "upstream_failed";

/**
 * What a run must come to: Airflow's rules read as they are written (section 1.2 of its facts), task by task from the roots,
 * with the truth of the plan. Shares no line with the engine. `said` is asked only where the rules leave it to the order in
 * which upstreams ended, and then only among what they allow.
 */
export function expectedRun(
  dag: PlannedDag,
  day: number,
  { said, child }: { readonly said: (id: string) => string | undefined; readonly child: ExpectedRun | null },
): ExpectedRun {
  const tasks = new Map<string, End>();
  const seen = new Map<string, readonly End[]>();

  /** How the task ended for those after it: of a mapped one every instance counts. */
  function endsOf(id: string): readonly End[] {
    const known = seen.get(id);
    if (known) return known;
    const task = dag.tasks.find((each) => each.id === id);
    if (!task) throw new Error(`no task ${id}`);
    const ends = evaluate(task);
    seen.set(id, ends);
    return ends;
  }

  function evaluate(task: PlannedTask): readonly End[] {
    const verdict = verdictOf(task);
    if (verdict !== "run" || task.isWanted[day] === false) {
      return [note(task.id, { state: verdict === "run" ? "skipped" : verdict, tries: 0, value: null })];
    }
    const read = task.reads.flatMap(endsOf).reduce((sum, { value }) => sum + (value ?? 0), 0);
    if (task.items === null) {
      const isBad = task.kind === "trigger" ? child?.state !== "success" : false;
      return [
        note(
          task.id,
          isBad ? { state: "failed", tries: 1, value: null } : tried(task, task.fails[day] ?? 0, task.n + read),
        ),
      ];
    }
    const instances = task.items.map((item, index) =>
      note(`${task.id}[${index}]`, tried(task, item.fails, item.n + read)),
    );
    // A mapped noop tells nothing and never fails.
    const whole = note(task.id, { state: wholeOf(instances), tries: 0, value: null });
    return instances.length > 0 ? instances : [whole];
  }

  function verdictOf(task: PlannedTask): Verdict {
    if (task.teardownOf !== null) {
      const setup = endsOf(task.teardownOf)[0]?.state;
      return setup === "success" ? "run" : setup === "skipped" ? "skipped" : "upstream_failed";
    }
    const before = task.dependsOn.flatMap(endsOf).map(({ state }) => state);
    const allowed = allowedBy(task.rule, before);
    return allowed.find((verdict) => verdict === said(task.id)) ?? allowed[0];
  }

  function note(key: string, end: End): End {
    tasks.set(key, end);
    return end;
  }

  for (const { id } of dag.tasks) endsOf(id);
  const isLast = ({ id, teardownOf }: PlannedTask): boolean =>
    teardownOf === null && dag.tasks.every((next) => next.teardownOf !== null || !next.dependsOn.includes(id));
  const failed = dag.tasks.filter(isLast).some(({ id }) => isFailure(tasks.get(id)?.state));
  return { state: failed ? "failed" : "success", tasks };
}

const isFailure = (state: string | undefined): boolean => state === "failed" || state === "upstream_failed";

function tried({ kind, retries, items }: PlannedTask, fails: number, value: number): End {
  const tells = kind === "shell" || kind === "athena" || kind === "redshift";
  const counted = kind === "noop" && items !== null ? 0 : fails;
  return counted <= retries
    ? { state: "success", tries: counted + 1, value: tells ? value : null }
    : { state: "failed", tries: retries + 1, value: null };
}

function wholeOf(instances: readonly End[]): EndState {
  if (instances.some(({ state }) => state === "failed")) return "failed";
  return instances.some(({ state }) => state === "success") ? "success" : "skipped";
}

/** What a rule allows once all upstreams have ended; two verdicts where the first end to come in decides. */
export function allowedBy(rule: TriggerRule, ends: readonly EndState[]): readonly [Verdict, ...Verdict[]] {
  const some = (...states: EndState[]): boolean => ends.some((end) => states.includes(end));
  const failure = some("failed", "upstream_failed");
  const skip = some("skipped");
  const success = some("success");
  if (ends.length === 0) return ["run"];
  switch (rule) {
    case "all_success":
      if (failure && skip) return ["upstream_failed", "skipped"];
      return [failure ? "upstream_failed" : skip ? "skipped" : "run"];
    case "all_failed":
      return [success || skip ? "skipped" : "run"];
    case "all_done":
    case "always":
      return ["run"];
    case "all_done_min_one_success":
      return [skip ? "skipped" : success ? "run" : "upstream_failed"];
    case "all_skipped":
      return [success || failure ? "skipped" : "run"];
    case "one_failed":
      return [failure ? "run" : "skipped"];
    case "one_success":
      return [success ? "run" : ends.every((end) => end === "skipped") ? "skipped" : "upstream_failed"];
    case "one_done":
      return [success || some("failed") ? "run" : "skipped"];
    case "none_failed":
      return [failure ? "upstream_failed" : "run"];
    case "none_failed_min_one_success":
      return [failure ? "upstream_failed" : success ? "run" : "skipped"];
    case "none_skipped":
      return [skip ? "skipped" : "run"];
  }
}
