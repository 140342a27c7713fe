import { createRequire } from "node:module";
import type * as DuckDb from "@duckdb/node-api";

/**
 * The CommonJS packages that take long to load. Imported, Node reads each of their files twice, the first time only to
 * learn its exports: 0.2 s of CPU for the AWS shapes and 0.15 s for DuckDB in every process that starts.
 */
const require = createRequire(import.meta.url);

export const loadDuckDb = () => require("@duckdb/node-api") as typeof DuckDb;

/** The shapes of an AWS service, by the names that its SDK package exports. */
export const loadShapes = (sdkPackage: string) => require(sdkPackage) as Readonly<Record<string, unknown>>;
