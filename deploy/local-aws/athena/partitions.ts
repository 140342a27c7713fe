import type { S3Files } from "../contract.ts";
import type { CatalogPartition, CatalogTable } from "./catalog.ts";
import { inRange } from "./projection.ts";

export interface DataFile {
  readonly path: string;
  readonly size: number;
  /** One for each partition key, in its order. */
  readonly values: readonly string[];
}

/** Hive reads everything below a location but names that begin with `_` or `.`, and empty objects. */
async function filesBelow(
  s3: S3Files,
  location: string,
): Promise<readonly { uri: string; path: string; size: number }[]> {
  const folder = location.endsWith("/") ? location : `${location}/`;
  return (await s3.list(folder)).filter(
    (object) => object.size > 0 && !/\/[_.][^/]*(\/|$)/.test(object.uri.slice(folder.length - 1)),
  );
}

/** Every file of a table with its partition's values: projected, registered, or the table's own when it has no partitions. */
export async function filesOf(
  s3: S3Files,
  table: CatalogTable,
  partitions: readonly CatalogPartition[],
  now: number,
): Promise<DataFile[]> {
  if (table.partitionKeys.length === 0)
    return (await filesBelow(s3, table.location)).map(({ path, size }) => ({ path, size, values: [] }));
  if (table.properties["projection.enabled"]?.toLowerCase() === "true")
    return (await placed(s3, table)).filter((file) =>
      table.partitionKeys.every((key, index) => inRange(table.properties, key.name, file.values[index] ?? "", now)),
    );
  const lists = await Promise.all(
    partitions.map(async ({ location, values }) =>
      (await filesBelow(s3, location)).map(({ path, size }) => ({ path, size, values })),
    ),
  );
  return lists.flat();
}

/** The partitions that lie under a table's location in Hive's own layout: what MSCK REPAIR TABLE registers. */
export async function partitionsOnDisk(s3: S3Files, table: CatalogTable): Promise<CatalogPartition[]> {
  const found = new Map<string, CatalogPartition>();
  for (const { values } of await placed(s3, { ...table, properties: {} })) {
    const path = table.partitionKeys.map((key, index) => `${key.name}=${values[index] ?? ""}`).join("/");
    found.set(path, { values, location: `${table.location.replace(/\/$/, "")}/${path}/` });
  }
  return [...found.values()];
}

/** Files whose place fits the template of locations (`s3://b/sales/dt=${dt}/`), with the values it names. */
async function placed(s3: S3Files, table: CatalogTable): Promise<DataFile[]> {
  const hive = table.partitionKeys.map((key) => `${key.name}=\${${key.name}}`).join("/");
  const template = table.properties["storage.location.template"] ?? `${table.location.replace(/\/$/, "")}/${hive}`;
  const names: string[] = [];
  const pattern = template
    .replace(/\/$/, "")
    .split(/(\$\{\w+\})/)
    .map((part) => {
      const name = /^\$\{(\w+)\}$/.exec(part)?.[1];
      if (name === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
      names.push(name.toLowerCase());
      return "([^/]+)";
    })
    .join("");
  const matcher = new RegExp(`^${pattern}/`, "i");
  const fixed = template.slice(0, template.indexOf("${")).replace(/[^/]*$/, "");
  return (await filesBelow(s3, fixed)).flatMap(({ uri, path, size }) => {
    const match = matcher.exec(uri);
    if (match === null) return [];
    const values = table.partitionKeys.map((key) => match[names.indexOf(key.name) + 1] ?? "");
    return [{ path, size, values }];
  });
}
