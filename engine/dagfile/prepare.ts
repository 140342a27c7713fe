import type { Json, JsonObject } from "../core/json.ts";
import type { OperatorDescriptor, TaskFailure } from "../core/operator.ts";
import type { Prepared } from "../core/prepared.ts";
import { canonicalJson, sha256 } from "./canonical-json.ts";
import { paramMistake } from "./params.ts";
import { renderValue } from "./template.ts";
import type { TemplateArguments } from "./template-context.ts";
import { templateContext } from "./template-context.ts";
import { checkRendered } from "./with-params.ts";

/**
 * What a launch will send: the task's parameters, rendered, checked and complete, as they are frozen with the intent
 * (protocol rule 12), and their hash. The same arguments give the same bytes.
 */
export function prepareTask(given: TemplateArguments & { readonly descriptor: OperatorDescriptor }): Prepared {
  const { spec, task, conf, descriptor } = given;
  for (const [name, param] of Object.entries(spec.params)) {
    const mistake = Object.hasOwn(conf, name) ? paramMistake(param, conf[name] as Json) : null;
    if (mistake !== null) return refused("PARAMS_INVALID", `conf.${name}: ${mistake}`);
  }
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

const refused = (code: TaskFailure["code"], message: string): Prepared => ({
  kind: "refused",
  failure: { class: "permanent", code, message },
});
