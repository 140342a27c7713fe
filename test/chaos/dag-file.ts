import { offeredBy } from "./draw-dag.ts";
import type { Kind, Plan, PlannedDag, PlannedTask } from "./plan.ts";

/** What a try does, and what it does when its truth is to fail. */
interface Work {
  readonly good: string;
  readonly bad: string;
}

/** The DAG as a file: JSON is YAML. Nothing plans it: its start lies ahead, and a backfill may go before. */
export function dagFile(plan: Plan, dag: PlannedDag): string {
  const days = dag === plan.child ? [""] : plan.days;
  return JSON.stringify({
    dag: dag.id,
    ...(dag === plan.child ? {} : { schedule: "@daily", start_date: "2040-01-01" }),
    max_active_tasks: dag.maxActiveTasks,
    pools: dag === plan.main ? { narrow: { slots: plan.poolSlots } } : {},
    defaults: { retry_delay: "40ms", retry_on: ["retryable", "permanent", "resource_gone"] },
    tasks: Object.fromEntries(dag.tasks.map((task) => [task.id, taskOf(plan, dag, task, days)])),
  });
}

function taskOf(plan: Plan, dag: PlannedDag, task: PlannedTask, days: readonly string[]): object {
  const isTeardown = task.teardownOf !== null;
  const list = task.itemsFrom === null ? task.items : `{{ tasks.${task.itemsFrom}.output.items }}`;
  const unwanted = days.filter((_, day) => task.isWanted[day] === false).map((day) => `ds == "${day}"`);
  const condition =
    unwanted.length === days.length ? "{{ false }}" : `{% if ${unwanted.join(" or ")} %}no{% else %}yes{% endif %}`;
  return {
    ...operatorOf(plan, dag, task, days),
    depends_on: task.dependsOn,
    retries: task.retries,
    ...(isTeardown ? { teardown_of: [task.teardownOf] } : { trigger_rule: task.rule }),
    ...(task.setupFor.length > 0 ? { setup_for: task.setupFor } : {}),
    ...(unwanted.length > 0 ? { when: condition } : {}),
    ...(list === null ? {} : { for_each: { items: list } }),
    ...(task.pool === null ? {} : { pool: task.pool }),
  };
}

function operatorOf(plan: Plan, dag: PlannedDag, task: PlannedTask, days: readonly string[]) {
  const chosen = (work: Work): string => withTruth(task, days, work);
  const sum = [
    task.items === null ? String(task.n) : "{{ item.n }}",
    ...task.reads.map((id) => numberOf(dag, id)),
  ].join(" + ");
  const spark = {
    script: "run_sql.py",
    files: { sql: "one_row.sql" },
    arguments: {
      "output.answer": `s3://chaos-data/${plan.seed}/${dag.id}/${task.id}/{{ run_id | url_encode }}/?format=parquet`,
      "param.told": chosen({ good: "1", bad: "nothing" }),
    },
  };
  switch (task.kind) {
    case "noop":
      return { operator: "noop" };
    case "shell": {
      const offered = JSON.stringify(task.items === null ? offeredBy(task) : []);
      const good = `printf '{"n": %d, "items": ${offered}}\\n' $((${sum}))`;
      const command = `sleep ${task.sleepMs / 1_000}; ${chosen({ good, bad: "exit 3" })}`;
      return { operator: "shell.run", with: { command, idempotent: true } };
    }
    case "athena":
      return { operator: "athena.query", with: { sql: chosen({ good: `SELECT ${sum} AS n`, bad: "SELECT missing" }) } };
    case "redshift": {
      const statements = [chosen({ good: `SELECT ${sum} AS n`, bad: "SELECT missing FROM nowhere" })];
      return { operator: "redshift.sql", with: { statements } };
    }
    case "glue": {
      // Of two names only: tasks share a job, as they do in an account.
      const job = `chaos-${plan.seed}-${task.n % 2}`;
      return { operator: "glue.job", with: { job, worker_type: "G.1X", workers: 2, ...spark } };
    }
    case "trigger":
      return { operator: "dag.trigger", with: { dag: "child" } };
    case "cluster":
      return {
        operator: "emr.cluster",
        with: { name: `chaos-${plan.seed}`, instance_type: "m5.xlarge", instances: 1 },
      };
    case "step":
      return {
        operator: "emr.step",
        with: { cluster_id: "{{ tasks.t0.output.cluster_id }}", name: "chaos", ...spark },
      };
    case "terminate":
      return { operator: "emr.terminate", with: { cluster_id: "{{ tasks.t0.output.cluster_id }}" } };
  }
}

/** The number in an upstream's output; of a mapped one the sum of them. */
function numberOf(dag: PlannedDag, id: string): string {
  const upstream = dag.tasks.find((task) => task.id === id);
  if (upstream?.items) return `{{ tasks.${id}.output | map: "n" | sum }}`;
  const inRows: readonly (Kind | undefined)[] = ["athena", "redshift"];
  return inRows.includes(upstream?.kind) ? `{{ tasks.${id}.output.rows[0].n }}` : `{{ tasks.${id}.output.n }}`;
}

/** A template that renders to `bad` for the tries that are to fail. */
function withTruth({ items, fails }: PlannedTask, days: readonly string[], { good, bad }: Work): string {
  if (items !== null) return `{% if try_number <= item.fails %}${bad}{% else %}${good}{% endif %}`;
  const [first = 0] = fails;
  if (fails.every((each) => each === first)) {
    return first === 0 ? good : `{% if try_number <= ${first} %}${bad}{% else %}${good}{% endif %}`;
  }
  const cases = days.map((day, index) => `ds == "${day}" and try_number <= ${fails[index] ?? 0}`);
  return `{% if ${cases.join(` %}${bad}{% elsif `)} %}${bad}{% else %}${good}{% endif %}`;
}
