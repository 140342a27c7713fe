import { canonicalJson } from "../core/canonical-json.ts";
import type { Json, JsonObject } from "../core/json.ts";
import type { OperatorDescriptor, TaskFailure } from "../core/operator.ts";
import type { Prepared } from "../core/prepared.ts";
import type { ForEach, TaskSpec } from "../core/dag.ts";
import { decideWhen } from "./condition.ts";
import { itemsOf, renderItems } from "./for-each.ts";
import { renderText } from "./render-text.ts";
import { paramMistake } from "./params.ts";
import { sha256 } from "./sha256.ts";
import { isTemplated, renderValue } from "./template.ts";
import type { TemplateArguments } from "./template-context.ts";
import { templateContext } from "./template-context.ts";
import { checkRendered } from "./with-params.ts";

interface Given extends TemplateArguments {
  readonly descriptor: OperatorDescriptor;
  /** The list at the URI that a mapped task is mapped over, once it has been read. */
  readonly list?: readonly Json[] | undefined;
}

/**
 * What is to be done with a task that is ready: whether it runs at all, what it is mapped over, what its launch will send.
 * `mapIndex` -1 and a `forEach`: the mapped task as a whole. Its condition is asked for each instance: it may be about the item.
 */
export function prepareTask(given: Given): Prepared {
  const { task, mapIndex = -1 } = given;
  const mistake = confMistake(given);
  if (mistake !== null) return refused("PARAMS_INVALID", mistake);
  const isWhole = task.forEach !== null && mapIndex < 0;
  if (task.when !== null && !isWhole) {
    const condition = decideWhen(task.when, given);
    if (!condition.ok) return { kind: "refused", failure: condition.failure };
    if (!condition.isTrue) return { kind: "unwanted", why: `its condition is false: ${task.when}` };
  }
  return task.forEach && isWhole ? mapTask(given, task.forEach) : prepareLaunch(given);
}

function mapTask(given: Given, forEach: ForEach): Prepared {
  const items = given.list ? itemsOf(given.list) : renderItems(forEach.items, given);
  if (!items.ok) return { kind: "refused", failure: items.failure };
  if ("uri" in items) return { kind: "listed", uri: items.uri };
  const labels = labelsFor(given, forEach, items.items);
  return labels.ok
    ? { kind: "mapped", items: items.items, labels: labels.labels }
    : { kind: "refused", failure: labels.failure };
}

type Labels =
  | { readonly ok: true; readonly labels: readonly string[] | null }
  | { readonly ok: false; readonly failure: TaskFailure };

/** What people see of each item instead of its number. */
function labelsFor(given: Given, { label }: ForEach, items: readonly Json[]): Labels {
  if (label === null) return { ok: true, labels: null };
  const labels: string[] = [];
  for (const [mapIndex, item] of items.entries()) {
    const rendered = renderText(label, { ...given, item, mapIndex });
    if (!rendered.ok) return rendered;
    labels.push(rendered.text);
  }
  return { ok: true, labels };
}

/**
 * What a launch will send: the task's parameters, rendered, checked and complete, as they are frozen with the intent
 * (protocol rule 12), and their hash. The same arguments give the same bytes.
 */
function prepareLaunch(given: Given): Prepared {
  const { task } = given;
  const known = constants.get(task);
  if (known) return known;
  const prepared = renderLaunch(given);
  if (!isTemplated(JSON.stringify(task.with))) constants.set(task, prepared);
  return prepared;
}

/** What tasks without a template send: the same every night, and most tasks of a DAG of thousands are such. */
const constants = new WeakMap<TaskSpec, Prepared>();

function renderLaunch(given: Given): Prepared {
  const { task, descriptor } = given;
  const rendered = renderValue(task.with, templateContext(given));
  if (!rendered.ok) return refused("TEMPLATE_FAILED", `with.${rendered.path.join(".")}: ${rendered.message}`);
  const checked = checkRendered(descriptor.params, task.with, rendered.value);
  if (!checked.ok) {
    const all = checked.findings.map((each) => (each.path.length > 1 ? `${each.path.join(".")}: ` : "") + each.message);
    return refused("PARAMS_INVALID", all.join("; "));
  }
  const text = canonicalJson(checked.params);
  return { kind: "ready", params: JSON.parse(text) as JsonObject, hash: sha256(text) };
}

function confMistake({ spec, conf }: Given): string | null {
  for (const [name, param] of Object.entries(spec.params)) {
    const mistake = Object.hasOwn(conf, name) ? paramMistake(param, conf[name] as Json) : null;
    if (mistake !== null) return `conf.${name}: ${mistake}`;
  }
  return null;
}

const refused = (code: TaskFailure["code"], message: string): Prepared => ({
  kind: "refused",
  failure: { class: "permanent", code, message },
});
