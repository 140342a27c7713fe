import { randomUUID } from "node:crypto";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { CommandBody } from "../../engine/core/commands.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import { dropFleet, migrate } from "../../engine/store/migrate.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { until, type LocalRun } from "../e2e/project.ts";
import { drawPlan } from "./draw-plan.ts";
import { progressOf, readEvidence, type Evidence } from "./evidence.ts";
import type { Incident } from "./incidents.ts";
import type { ChaosAws } from "./local-aws.ts";
import type { Plan } from "./plan.ts";
import { Processes } from "./processes.ts";
import { makeFolder, PATIENCE } from "./project-folder.ts";
import { complaints } from "./verdict.ts";

/** Incidents wait for work to be done; when none is for so long, they come all the same. */
const IMPATIENT_MS = 2_500 * PATIENCE;
const LOOK_MS = 25;
const MOST_PROCESSES = 4;
/** Without a line of history, and without an end: something is stuck. */
const STUCK_MS = 45_000 * PATIENCE;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

export interface Outcome {
  readonly complaints: readonly string[];
  readonly folder: string;
  /** In few words what was there. */
  readonly told: string;
}

/** Runs one seed on a fleet of its own, and says what is not as it must be. A folder with complaints stays. */
export async function runSeed(seed: number, databaseUrl: string, aws: ChaosAws): Promise<Outcome> {
  const plan = drawPlan(seed);
  const fleet = `chaos_${process.pid}_${seed}`;
  const store = await openStore({ databaseUrl, fleet, applicationName: "chaos" });
  const folder = makeFolder(plan, { databaseUrl, fleet, awsUrl: aws.url });
  const story = new Story(plan, store, aws, folder);
  try {
    story.tell("begins");
    await migrate(store);
    story.tell("migrated");
    const { evidence, trouble } = await story.run();
    const found = [...trouble, ...complaints(plan, evidence)];
    if (found.length > 0) writeFileSync(join(folder, "evidence.json"), JSON.stringify({ found, ...evidence }, null, 1));
    else if (process.env["NOCTURNE_CHAOS_KEEP"] === undefined) rmSync(folder, { recursive: true, force: true });
    const told = `${plan.certainty}, ${evidence.runs.length} runs, ${evidence.tasks.length} tasks, ${evidence.jobs.length} jobs, ${plan.incidents.length} incidents`;
    return { complaints: found, folder, told };
  } finally {
    await story.end();
    await dropFleet(store);
    await store.close();
  }
}

class Story {
  private readonly plan: Plan;
  private readonly store: Store;
  private readonly aws: ChaosAws;
  private readonly processes: Processes;
  /** What comes later by itself: a process that starts again, one that thaws. */
  private readonly later: Promise<void>[] = [];

  constructor(plan: Plan, store: Store, aws: ChaosAws, folder: string) {
    this.plan = plan;
    this.store = store;
    this.aws = aws;
    this.processes = new Processes(folder);
  }

  async run(): Promise<{ readonly evidence: Evidence; readonly trouble: readonly string[] }> {
    const before = new Set((await this.aws.runs()).map(idOf));
    for (let started = 0; started < this.plan.processes; started++) this.processes.start();
    await this.begin();
    this.processes.tell("the backfill is asked for");
    await this.live();
    await Promise.all(this.later);
    await this.aws.clearFaults();
    if (this.processes.count === 0) this.processes.start();
    this.processes.tell("no more incidents");
    const open = await this.quiet();
    this.processes.tell(open ?? "quiet");
    const jobs = (await this.aws.runs()).filter((job) => !before.has(idOf(job)));
    const evidence = await readEvidence(this.store, jobs);
    const trouble = [
      ...this.processes.surprises,
      ...(open === null ? [] : [`nothing moved for ${STUCK_MS / 1_000} s: ${open}`]),
    ];
    return { evidence, trouble };
  }

  tell(line: string): void {
    this.processes.tell(line);
  }

  async end(): Promise<void> {
    await this.processes.killAll();
  }

  /** The backfill waits in the inbox until somebody has published its DAG. */
  private async begin(): Promise<void> {
    const { days, maxActiveRuns, main, child } = this.plan;
    const wanted = [main.id, ...(child ? [child.id] : [])];
    await until(
      "the DAGs",
      async () => {
        const { rows } = await this.store.pool.query<{ id: string }>("SELECT DISTINCT dag_id AS id FROM dag_version");
        const wrong = await this.store.pool.query<{ problems: unknown }>("SELECT problems FROM import_error");
        if (wrong.rows.length > 0) throw new Error(JSON.stringify(wrong.rows.map(({ problems }) => problems)));
        return wanted.every((id) => rows.some((row) => row.id === id));
      },
      STUCK_MS,
    );
    const [fromDate = "", toDate = ""] = [days[0], days.at(-1)];
    const wish = {
      backfillId: randomUUID(),
      dagId: main.id,
      fromDate,
      toDate,
      maxActiveRuns,
      reprocess: "none",
      conf: {},
    } as const;
    await this.ask({ kind: "backfill", backfill: wish, by: "chaos" });
  }

  private ask(body: CommandBody): Promise<string> {
    this.processes.tell(`asks: ${JSON.stringify(body)}`);
    return enqueue(this.store, body);
  }

  /** Lets every incident come when its share of the work is done. */
  private async live(): Promise<void> {
    const whole = 3 * this.plan.days.length * this.plan.main.tasks.length;
    let movedAt = Date.now();
    let lines = -1;
    for (const incident of this.plan.incidents) {
      for (;;) {
        const progress = await progressOf(this.store);
        if (progress.lines !== lines) movedAt = Date.now();
        lines = progress.lines;
        const isOver = progress.open === null || Date.now() - movedAt > IMPATIENT_MS;
        if (isOver || lines >= incident.share * whole) break;
        await pause(LOOK_MS);
      }
      await pause(incident.delayMs);
      await this.happen(incident);
    }
  }

  private async happen(incident: Incident): Promise<void> {
    const { processes } = this;
    switch (incident.kind) {
      case "kill":
        processes.tell(`killed ${await processes.kill(incident.which)}`);
        this.again(incident.againMs);
        return;
      case "kill_all":
        await processes.killAll();
        processes.tell("killed all");
        this.again(incident.againMs);
        return;
      case "freeze": {
        const { name, thaw } = processes.freeze(incident.which);
        processes.tell(`froze ${name} for ${incident.forMs} ms`);
        this.soon(incident.forMs * PATIENCE, thaw);
        return;
      }
      case "start":
        this.again(0);
        return;
      case "kill_aws":
        await this.aws.kill();
        processes.tell("killed local-aws");
        await pause(incident.againMs);
        return this.aws.start();
      case "fault":
        processes.tell(`fault ${JSON.stringify(incident.fault)}`);
        return this.aws.fault(incident.fault);
      case "clear":
      case "mark":
      case "cancel":
        return this.act(incident);
    }
  }

  /** Another process, unless there are as many as there ever are. */
  private again(ms: number): void {
    this.soon(ms, () => {
      if (this.processes.count < MOST_PROCESSES) this.processes.tell(`started ${this.processes.start()}`);
    });
  }

  private soon(ms: number, what: () => unknown): void {
    this.later.push(pause(ms).then(() => void what()));
  }

  private async act(incident: Extract<Incident, { readonly kind: "clear" | "mark" | "cancel" }>): Promise<void> {
    const { rows } = await this.store.pool.query<{ runId: string }>(
      `SELECT run_id AS "runId" FROM dag_run WHERE dag_id = 'main' ORDER BY logical_at`,
    );
    const runId = rows[incident.run % Math.max(1, rows.length)]?.runId;
    if (runId === undefined) return;
    if (incident.kind === "cancel") return void (await this.ask({ kind: "cancel_run", runId, by: "chaos" }));
    // Whoever gives a teardown a state leaves the cluster to live on, and its bill open: that is as asked.
    const tasks = this.plan.main.tasks.filter(({ teardownOf }) => incident.kind !== "mark" || teardownOf === null);
    const task = tasks[incident.task % tasks.length]?.id ?? "";
    const wish = {
      tasks: [{ task, mapIndex: null }],
      withDownstream: incident.kind === "clear" && incident.withDownstream,
    };
    await this.ask(
      incident.kind === "clear"
        ? { kind: "clear_tasks", runId, wish, by: "chaos" }
        : { kind: "mark_tasks", runId, wish, state: incident.state, by: "chaos" },
    );
  }

  /** Waits until nothing is left to do; answers what is, when nothing moves any more. */
  private async quiet(): Promise<string | null> {
    let movedAt = Date.now();
    let lines = -1;
    for (;;) {
      const progress = await progressOf(this.store);
      if (progress.lines !== lines) movedAt = Date.now();
      lines = progress.lines;
      if (progress.open === null || Date.now() - movedAt > STUCK_MS) return progress.open;
      await pause(LOOK_MS);
    }
  }
}

const idOf = ({ service, id }: LocalRun): string => `${service}/${id}`;
