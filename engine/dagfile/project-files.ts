import type { LoadedDag } from "../core/dag.ts";
import type { OperatorDescriptor } from "../core/operator.ts";
import { sha256 } from "./sha256.ts";
import type { FlatDag } from "./flat-tasks.ts";
import type { Finding } from "./schema-issues.ts";
import { isTemplated } from "./template.ts";
import type { Path } from "./yaml-document.ts";

/** Reads a file of the project by its path as written in the DAG; null when there is none. */
export type ReadProjectFile = (path: string) => Uint8Array | null;

const hashes = new WeakMap<Uint8Array, string>();

/** The SHA-256 of a file's bytes: many DAGs name the same file. */
export function hashOf(bytes: Uint8Array): string {
  const hash = hashes.get(bytes) ?? sha256(bytes);
  hashes.set(bytes, hash);
  return hash;
}

/** Every file that the tasks' file fields name, each once, sorted by path: they are part of the DAG's version. */
export function namedFiles(
  dag: FlatDag,
  operators: readonly OperatorDescriptor[],
  read: ReadProjectFile,
): { files: LoadedDag["files"]; findings: Finding[] } {
  const files = new Map<string, LoadedDag["files"][number]>();
  const findings: Finding[] = [];
  for (const { path, name } of filePaths(dag, operators)) {
    if (isTemplated(name)) {
      const message = `${name}: the file is read with the DAG, before any template is rendered`;
      findings.push({ code: "DAG_TEMPLATE", path, part: "value", message });
      continue;
    }
    const bytes = files.get(name)?.bytes ?? read(name);
    if (bytes === null) {
      findings.push({ code: "DAG_FILE_MISSING", path, part: "value", message: `${name}: no such file in the project` });
    } else {
      files.set(name, { path: name, bytes, sha256: hashOf(bytes) });
    }
  }
  return { files: [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1)), findings };
}

function filePaths({ tasks }: FlatDag, operators: readonly OperatorDescriptor[]): { path: Path; name: string }[] {
  return tasks.flatMap(({ task, path }) =>
    (operators.find((each) => each.type === task.operator)?.fileFields ?? []).flatMap((field) =>
      strings(task.with?.[field], [...path, "with", field]),
    ),
  );
}

/** A string, a list's items or a map's values; an address (s3://…) is no file of the project. */
function strings(value: unknown, path: Path): { path: Path; name: string }[] {
  if (typeof value === "string") return /^[a-z][a-z0-9+.-]*:\/\//i.test(value) ? [] : [{ path, name: value }];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, each]) =>
    strings(each, [...path, Array.isArray(value) ? Number(key) : key]),
  );
}
