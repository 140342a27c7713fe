import { NocturneError } from "../../../engine/core/errors.ts";

/** What a value may hold without ever ending the text, name or path it stands in. */
const SAFE = /^[\p{L}\p{N} _.,:/=+@*-]*$/u;

/** The statement with every ${name} replaced by its value. A value that could change the statement's meaning is refused. */
export function withValues(sql: string, values: Readonly<Record<string, string | number>>): string {
  const used = new Set<string>();
  const text = sql.replaceAll(/\$\{(\w+)\}/g, (_place, name: string) => {
    if (!Object.hasOwn(values, name)) throw invalid(`\${${name}}: values holds no ${name}`);
    const value = String(values[name]);
    if (!SAFE.test(value) || /--|\/\*|\*\//.test(value))
      throw invalid(`values.${name}: ${JSON.stringify(value)} holds what SQL could read`);
    used.add(name);
    return value;
  });
  const unused = Object.keys(values).find((name) => !used.has(name));
  if (unused !== undefined) throw invalid(`values.${unused}: the statement has no \${${unused}}`);
  return text.trim().replace(/;$/, "");
}

const invalid = (message: string): NocturneError => new NocturneError({ code: "PARAMS_INVALID", message });
