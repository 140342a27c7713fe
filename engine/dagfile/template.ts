import type { StaticAnalysis, Template } from "liquidjs";
import { Liquid, LiquidError, Output } from "liquidjs";
import type { Json, JsonObject } from "../core/json.ts";
import { dateAdd, dateFormat } from "./date-filters.ts";
import type { Path } from "./yaml-document.ts";

/** The names a template may use, and their values. */
export type TemplateContext = JsonObject;

export type Rendered =
  | { readonly ok: true; readonly value: Json }
  /** `path`: where within the value the template stands. */
  | { readonly ok: false; readonly path: Path; readonly message: string };

/** A parsed template and the engine that renders it. */
export interface CompiledTemplate {
  readonly engine: Liquid;
  readonly parts: Template[];
}

/** Whether a value is a string with template marks in it. */
export const isTemplated = (value: unknown): boolean => typeof value === "string" && /\{[{%]/.test(value);

/** A lone {{ expression }} keeps the type of its value. */
const native = liquid({ keepOutputType: true });
/** Amid text a map or list is its JSON, and null is an error: "s3://bucket//raw" would be a wrong place, not a missing one. */
const embedded = liquid({
  outputEscape: (value: unknown) => {
    if (value === null || value === undefined) throw new Error("a value is null; give it a `default`");
    return typeof value === "string" ? value : JSON.stringify(value);
  },
});

/** Knows no filter to be missing: a misspelt one must not hide misspelt names. */
const lenient = liquid({ strictFilters: false });

/** Names of every filter a template may use. */
export const FILTERS: readonly string[] = Object.keys(native.filters);

function liquid(options: ConstructorParameters<typeof Liquid>[0]): Liquid {
  const engine = new Liquid({
    strictVariables: true,
    strictFilters: true,
    ownPropertyOnly: true,
    // No file is ever read: templates of this name would be looked up in here.
    templates: {},
    // Else the machine's, which a run must not depend on and which is slow to ask for.
    locale: "en-US",
    parseLimit: 1_000_000,
    renderLimit: 1_000,
    memoryLimit: 10_000_000,
    ...options,
  });
  // These read files, the clock, the machine's zone or chance: the same run must always render the same bytes.
  for (const tag of ["include", "render", "layout", "block"]) delete engine.tags[tag];
  for (const filter of Object.keys(engine.filters)) {
    if (filter === "sample" || filter.startsWith("date")) engine.unregisterFilter(filter);
  }
  engine.registerFilter("date_add", dateAdd);
  engine.registerFilter("date_format", dateFormat);
  return engine;
}

const compiled = new Map<string, CompiledTemplate>();
const CACHED_TEMPLATES = 10_000;

/** Parses a template, once per text. Throws a LiquidError. */
export function compileTemplate(text: string): CompiledTemplate {
  let template = compiled.get(text);
  if (template === undefined) {
    const parts = native.parse(text);
    const lone = parts.length === 1 && parts[0] instanceof Output;
    template = lone ? { engine: native, parts } : { engine: embedded, parts: embedded.parse(text) };
    if (compiled.size >= CACHED_TEMPLATES) compiled.clear();
    compiled.set(text, template);
  }
  return template;
}

const named = new Map<string, StaticAnalysis["globals"]>();

/** Every name a template reads from outside, with its places, found once per text; nothing where it cannot be parsed. */
export function templateNames(text: string): StaticAnalysis["globals"] {
  const known = named.get(text) ?? findNames(text);
  if (named.size >= CACHED_TEMPLATES) named.clear();
  named.set(text, known);
  return known;
}

function findNames(text: string): StaticAnalysis["globals"] {
  try {
    return lenient.analyzeSync(lenient.parse(text), { partials: false }).globals;
  } catch {
    return {};
  }
}

/**
 * Renders every string of a value. What comes out is data: it is never rendered again.
 * Keys of maps are left as they are written.
 */
export function renderValue(value: Json, context: TemplateContext, path: Path = []): Rendered {
  if (typeof value === "string") return isTemplated(value) ? renderOne(value, context, path) : { ok: true, value };
  if (typeof value !== "object" || value === null) return { ok: true, value };
  const result: [string, Json][] = [];
  for (const [key, each] of Object.entries(value)) {
    const rendered = renderValue(each, context, [...path, Array.isArray(value) ? Number(key) : key]);
    if (!rendered.ok) return rendered;
    result.push([key, rendered.value]);
  }
  return { ok: true, value: Array.isArray(value) ? result.map(([, each]) => each) : Object.fromEntries(result) };
}

function renderOne(text: string, context: TemplateContext, path: Path): Rendered {
  try {
    const { engine, parts } = compileTemplate(text);
    const value = engine.renderSync(parts, context) as Json | undefined;
    return { ok: true, value: value === undefined ? null : value };
  } catch (error) {
    return { ok: false, path, message: templateMessage(error) };
  }
}

/** What Liquid says, without the position within the string that it appends. */
export function templateMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const inner = LiquidError.is(error) ? ((error as { originalError?: Error }).originalError ?? error) : error;
  return inner.message.replace(/, (?:file:.*, )?line:\d+, col:\d+$/, "");
}
