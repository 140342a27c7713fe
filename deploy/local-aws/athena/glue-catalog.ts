import type {
  CreateDatabaseRequest,
  CreateTableRequest,
  GetDatabaseRequest,
  GetTableRequest,
  GetTablesRequest,
} from "@aws-sdk/client-glue";
import { AwsError } from "../contract.ts";
import type { Operation, ServiceDependencies } from "../contract.ts";
import { Catalog } from "./catalog.ts";
import type { CatalogTable } from "./catalog.ts";

/** The catalog's side of the Glue API, over the same journal as Athena's. */
export function glueCatalogOperations(deps: Pick<ServiceDependencies, "journal" | "clock">): Record<string, Operation> {
  const catalog = new Catalog(deps.journal);
  const database = (name = ""): string => {
    if (catalog.databases().includes(name)) return name;
    throw new AwsError("EntityNotFoundException", `Database ${name} not found.`);
  };
  return {
    CreateDatabase: async (input: CreateDatabaseRequest) => {
      const name = input.DatabaseInput?.Name?.toLowerCase() ?? "";
      if (catalog.databases().includes(name)) throw new AwsError("AlreadyExistsException", "Database already exists.");
      catalog.createDatabase(name, deps.clock.now());
      await deps.journal.flushed();
      return {};
    },
    GetDatabase: async (input: GetDatabaseRequest) => ({ Database: { Name: database(input.Name) } }),
    GetTable: async (input: GetTableRequest) => {
      const table = catalog.table(database(input.DatabaseName), input.Name ?? "");
      if (table === null) throw new AwsError("EntityNotFoundException", `Table ${input.Name ?? ""} not found.`);
      return { Table: shown(table) };
    },
    GetTables: async (input: GetTablesRequest) => ({
      TableList: catalog.tables(database(input.DatabaseName)).map(shown),
    }),
    CreateTable: async (input: CreateTableRequest) => {
      const name = input.TableInput?.Name?.toLowerCase() ?? "";
      if (catalog.table(database(input.DatabaseName), name) !== null)
        throw new AwsError("AlreadyExistsException", "Table already exists.");
      catalog.createTable(tableOf(input, name, deps.clock.now()));
      await deps.journal.flushed();
      return {};
    },
  };
}

const FORMATS: Readonly<Record<string, CatalogTable["format"]>> = {
  "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe": "parquet",
  "org.apache.hadoop.hive.serde2.OpenCSVSerde": "csv",
  "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe": "text",
  "org.openx.data.jsonserde.JsonSerDe": "json",
  "org.apache.hive.hcatalog.data.JsonSerDe": "json",
};

/** The format that a SerDe's class reads; an unknown class is an error, not a guess. */
export function formatOf(serde: string): CatalogTable["format"] | null {
  return FORMATS[serde] ?? null;
}

function tableOf(input: CreateTableRequest, name: string, createdAt: number): CatalogTable {
  const storage = input.TableInput?.StorageDescriptor;
  const format = formatOf(storage?.SerdeInfo?.SerializationLibrary ?? "");
  if (format === null || storage?.Location === undefined)
    throw new AwsError("InvalidInputException", "StorageDescriptor needs a Location and a SerDe that local-aws knows.");
  const columns = (list: typeof storage.Columns) =>
    (list ?? []).map((column) => ({ name: (column.Name ?? "").toLowerCase(), type: column.Type ?? "string" }));
  return {
    database: input.DatabaseName ?? "",
    name,
    columns: columns(storage.Columns),
    partitionKeys: columns(input.TableInput?.PartitionKeys),
    location: storage.Location,
    format,
    delimiter: storage.SerdeInfo?.Parameters?.["field.delim"] ?? ",",
    properties: input.TableInput?.Parameters ?? {},
    createdAt,
  };
}

function shown(table: CatalogTable): object {
  const columns = (list: CatalogTable["columns"]) => list.map(({ name, type }) => ({ Name: name, Type: type }));
  return {
    Name: table.name,
    DatabaseName: table.database,
    CreateTime: new Date(table.createdAt),
    TableType: "EXTERNAL_TABLE",
    Parameters: table.properties,
    PartitionKeys: columns(table.partitionKeys),
    StorageDescriptor: {
      Columns: columns(table.columns),
      Location: table.location,
      SerdeInfo: { SerializationLibrary: Object.keys(FORMATS).find((serde) => FORMATS[serde] === table.format) },
    },
  };
}
