import type { Json, JsonObject } from "../../core/json.ts";
import type { DecisionContext, RunEvent } from "../../core/machine/events.ts";
import { selectTasks, type Refusal, type View } from "../../core/machine/people/select.ts";
import { whatToClear, type ClearPlan } from "../../core/machine/people/what-to-clear.ts";
import type { World } from "../../core/machine/world.ts";
import type { CommandResult, PeopleBody, TaskWish } from "../../core/commands.ts";
import { refsLike } from "../../store/read-models/refs-like.ts";
import type { Store } from "../../store/open.ts";
import { act, onLatest, targetOf, targetsOf, type Target } from "./target.ts";

type Body<K extends PeopleBody["kind"]> = Extract<PeopleBody, { readonly kind: K }> & { readonly by: string };

const done = (value: JsonObject): CommandResult => ({ ok: true, value });
const refused = ({ code, message }: Refusal): CommandResult => ({ ok: false, code, message });
const MOST_TOLD = 200;

/** Begins task instances anew, of one run or of several: all of them, or where one is refused none (engine.md). */
export async function clearTasks(
  store: Store,
  world: World,
  body: Body<"clear_tasks">,
  context: DecisionContext,
): Promise<CommandResult> {
  if (body.adopts !== undefined) return adoptJob(store, world, body, body.adopts, context);
  if (body.onLatest && (body.wish.past || body.wish.future)) {
    const message = "one run at a time is put on the latest version: leave past and future out";
    return refused({ code: "ACTION_INVALID", message });
  }
  const targets = await targetsOf(store, world, body.runId, body.wish);
  if ("code" in targets) return refused(targets);
  const plans: [Target, ClearPlan][] = [];
  for (const found of targets) {
    const target = body.onLatest ? await onLatest(store, world, found, body.by, context) : found;
    if ("code" in target) return refused(target);
    const plan = whatToClear(target.view, body.wish);
    if ("code" in plan) return refused(plan);
    plans.push([target, plan]);
  }
  if (plans.every(([, { places }]) => places.length === 0)) return refused(nothing(plans[0]));
  const { by } = body;
  for (const [target, { places }] of plans) {
    if (places.length === 0) continue;
    act(world, target, { kind: "clear", places, by }, context);
    if (body.abandons) act(world, target, { kind: "abandon", places, by }, context);
  }
  return done(answer(plans.map(([target, plan]) => ({ target, ...plan }))));
}

/** What a person is told when a wish fits nothing. */
function nothing(first: [Target, ClearPlan] | undefined): Refusal {
  const [target, plan] = first ?? [];
  const [setup] = plan?.left ?? [];
  const left = setup === undefined ? undefined : target?.view.dag.tasks[setup]?.taskId;
  const message =
    left === undefined
      ? "no task instance fits: nothing was done"
      : `${left} still stands, its teardown has not run: nothing else fits, and nothing was done`;
  return { code: "NOTHING_MATCHES", message };
}

/** The next attempt of exactly one task follows a job that is there already (protocol rule 24). */
async function adoptJob(
  store: Store,
  world: World,
  body: Body<"clear_tasks">,
  ref: Json,
  context: DecisionContext,
): Promise<CommandResult> {
  const { wish, runId, by } = body;
  const invalid = (message: string): CommandResult => refused({ code: "ACTION_INVALID", message });
  if (wish.past || wish.future || body.onLatest)
    return invalid("a job is adopted by one task of one run: leave the other options out");
  const target = await targetOf(store, world, runId);
  if ("code" in target) return refused(target);
  const { view } = target;
  const places = selectTasks(view, wish);
  if ("code" in places) return refused(places);
  const [place] = places;
  if (place === undefined || places.length !== 1)
    return invalid(`a job is adopted by exactly one task, and ${places.length} fit`);
  const node = view.nodes[place];
  const spec = view.dag.tasks[node?.taskAt ?? place];
  if (!node || !spec) return invalid("this task cannot adopt a job");
  if (spec.forEach && node.task.mapIndex < 0) return invalid(`${spec.taskId} is mapped: name one of its instances`);
  const launch = context.launchOf(spec.operator).kind;
  if (launch === "sensor" || launch === "in_process")
    return invalid(`${spec.operator} starts no remote job: there is none to adopt`);
  if (node.attempt?.state === "open") {
    const message = `${spec.taskId} has a job of its own that is not final: clear it, and adopt when it has ended`;
    return refused({ code: "ACTION_REFUSED", message });
  }
  const [known] = await refsLike(store, view.run.dagId, spec.operator);
  if (known !== undefined && shapeOf(known) !== shapeOf(ref)) {
    return invalid(
      `${spec.operator} cannot look at ${JSON.stringify(ref)}: its references are like ${JSON.stringify(known)}`,
    );
  }
  act(world, target, { kind: "adopt", place, ref, by }, context);
  return done(answer([{ target, places }]));
}

/** The kind of a reference: a text, or an object of certain keys. */
const shapeOf = (ref: Json): string =>
  ref !== null && typeof ref === "object" && !Array.isArray(ref) ? Object.keys(ref).sort().join(",") : typeof ref;

/** Gives task instances a person's word for their state. */
export async function markTasks(
  store: Store,
  world: World,
  body: Body<"mark_tasks">,
  context: DecisionContext,
): Promise<CommandResult> {
  const { by, state } = body;
  return onEach(
    store,
    world,
    body,
    context,
    (places) => ({ kind: "mark", places, state, by }),
    ({ view }, places) => {
      const whole = places.find((place) => view.nodes[place]?.task.mapIndex === -1 && view.dag.tasks[place]?.forEach);
      if (whole === undefined) return null;
      const taskId = view.dag.tasks[whole]?.taskId ?? "";
      return {
        code: "ACTION_INVALID",
        message: `${taskId} is mapped: its instances decide it; mark those, one index at a time`,
      };
    },
  );
}

/** Lets the state of tasks go on whose end AWS does not confirm (protocol rule 23). */
export async function abandonTasks(
  store: Store,
  world: World,
  body: Body<"abandon_tasks">,
  context: DecisionContext,
): Promise<CommandResult> {
  const { by } = body;
  return onEach(
    store,
    world,
    body,
    context,
    (places) => ({ kind: "abandon", places, by }),
    ({ view }, places) => {
      for (const place of places) {
        const { attempt, taskAt } = view.nodes[place] ?? {};
        const taskId = view.dag.tasks[taskAt ?? place]?.taskId ?? "";
        if (attempt?.state !== "open" || attempt.ending === null) {
          const message = `${taskId} is not being ended: clear, mark or cancel it first, and abandon it only if AWS does not confirm its end`;
          return { code: "ACTION_REFUSED", message };
        }
        if (attempt.ref === null) {
          const message = `nobody knows yet whether ${taskId} has a job: it is being looked for, and ended when it is found`;
          return { code: "ACTION_REFUSED", message };
        }
      }
      return null;
    },
  );
}

/** Tries tasks again at once that wait for their next try. */
export async function retryTasks(
  store: Store,
  world: World,
  body: Body<"retry_tasks">,
  context: DecisionContext,
): Promise<CommandResult> {
  const { by } = body;
  return onEach(
    store,
    world,
    body,
    context,
    (places) => ({ kind: "retry_now", places, by }),
    ({ view }, places) => {
      const other = places.find((place) => view.nodes[place]?.task.state !== "up_for_retry");
      if (other === undefined) return null;
      const { task, taskAt } = view.nodes[other] ?? {};
      const taskId = view.dag.tasks[taskAt ?? other]?.taskId ?? "";
      return {
        code: "ACTION_REFUSED",
        message: `${taskId} is ${task?.state}, and not waiting for its next try; clear it to run it again`,
      };
    },
  );
}

/** One action on what a wish selects in each run: all of it or nothing. */
async function onEach(
  store: Store,
  world: World,
  { runId, wish }: { readonly runId: string; readonly wish: TaskWish },
  context: DecisionContext,
  eventOf: (places: readonly number[]) => RunEvent,
  mistake: (target: Target, places: readonly number[]) => Refusal | null,
): Promise<CommandResult> {
  const targets = await targetsOf(store, world, runId, wish);
  if ("code" in targets) return refused(targets);
  const chosen: { readonly target: Target; readonly places: readonly number[] }[] = [];
  for (const target of targets) {
    const places = selectTasks(target.view, wish);
    if ("code" in places) return refused(places);
    const refusal = mistake(target, places);
    if (refusal) return refused(refusal);
    chosen.push({ target, places });
  }
  if (chosen.every(({ places }) => places.length === 0)) return refused(nothing(undefined));
  for (const { target, places } of chosen) if (places.length > 0) act(world, target, eventOf(places), context);
  return done(answer(chosen));
}

/** Gives a run a person's word for its state. */
export async function markRun(
  store: Store,
  world: World,
  { runId, state, by }: Body<"mark_run">,
  context: DecisionContext,
): Promise<CommandResult> {
  const target = await targetOf(store, world, runId);
  if ("code" in target) return refused(target);
  act(world, target, { kind: "mark_run", state, by }, context);
  const after = world.runs.get(runId)?.run.state ?? state;
  return done({ dag_id: target.view.run.dagId, run_id: runId, state: after });
}

/** A person's words about a run or a task instance; null takes them away. */
export async function writeNote(
  store: Store,
  world: World,
  body: Body<"note_run"> | Body<"note_task">,
): Promise<CommandResult> {
  const target = await targetOf(store, world, body.runId);
  if ("code" in target) return refused(target);
  const { runId, note } = body;
  if (body.kind === "note_run") {
    world.gathered.note({ runId, taskNo: null, mapIndex: -1, note });
    return done({ dag_id: target.view.run.dagId, run_id: runId });
  }
  const mapIndex = body.mapIndex < 0 ? null : body.mapIndex;
  const places = selectTasks(target.view, { tasks: [{ task: body.taskId, mapIndex }] });
  if ("code" in places) return refused(places);
  const [place] = places;
  const task = place === undefined ? undefined : target.view.nodes[place]?.task;
  if (!task)
    return refused({
      code: "NOTHING_MATCHES",
      message: `${target.view.run.dagRunId} has not started: it has no task instances`,
    });
  world.gathered.note({ runId, taskNo: task.taskNo, mapIndex: task.mapIndex, note });
  return done({ dag_id: target.view.run.dagId, run_id: runId });
}

/** What was done, for people and programs; of many task instances the first. */
function answer(
  chosen: readonly { readonly target: Target; readonly places: readonly number[]; readonly left?: readonly number[] }[],
): JsonObject {
  const [first] = chosen;
  const tasks = chosen.flatMap(({ target: { view }, places }) => places.map((place) => named(view, place)));
  const left = chosen.flatMap(({ target: { view }, left: each = [] }) => each.map((place) => named(view, place)));
  const { run } = first?.target.view ?? {};
  return {
    dag_id: run?.dagId ?? null,
    run_id: run?.runId ?? null,
    dag_run_id: run?.dagRunId ?? null,
    count: tasks.length,
    tasks: tasks.slice(0, MOST_TOLD),
    ...(left.length > 0 ? { left } : {}),
  };
}

const named = (view: View, place: number): JsonObject => ({
  dag_run_id: view.run.dagRunId,
  task_id: view.dag.tasks[view.nodes[place]?.taskAt ?? place]?.taskId ?? "",
  map_index: view.nodes[place]?.task.mapIndex ?? -1,
});
