import { TokenReader, valueOf } from "../duckdb/tokens.ts";
import type { Token } from "../duckdb/tokens.ts";
import { SqlError, syntaxError } from "./sql-error.ts";

export interface CopyStatement {
  readonly table: readonly string[];
  /** Null: all columns of the table, in its order. */
  readonly columns: readonly string[] | null;
  readonly from: string;
  readonly format: "text" | "csv" | "parquet" | "json";
  readonly delimiter: string;
  readonly quote: string | null;
  readonly ignoreHeader: number;
  readonly gzip: boolean;
  readonly nullAs: string | null;
  readonly emptyAsNull: boolean;
  readonly manifest: boolean;
  readonly maxError: number;
}

const COMMON = ["iam_role", "credentials", "region", "manifest", "statupdate", "compupdate", "format", "parquet"];
const onOff = (reader: TokenReader): void => {
  if (!reader.accept("on")) reader.accept("off");
};

/** COPY table [(columns)] FROM 's3://…' with Redshift's options; an option this does not know is an error, not ignored. */
export function parseCopy(tokens: readonly Token[]): CopyStatement {
  const reader = new TokenReader(tokens, syntaxError);
  reader.expect("copy");
  const table = reader.qualifiedName();
  const columns = reader.peek()?.text === "(" ? names(reader.parenthesized()) : null;
  reader.expect("from");
  const from = reader.string();
  if (!from.startsWith("s3://")) throw new SqlError("COPY from other than s3:// is not available in local-aws");

  let format: CopyStatement["format"] = "text";
  let delimiter: string | null = null;
  let quote: string | null = null;
  let ignoreHeader = 0;
  let gzip = false;
  let nullAs: string | null = null;
  let emptyAsNull = false;
  let manifest = false;
  let maxError = 0;
  const given: string[] = [];
  while (!reader.done) {
    const option = reader.name();
    given.push(option);
    switch (option) {
      case "iam_role":
        if (!reader.accept("default")) reader.string();
        break;
      case "credentials":
      case "region":
        reader.accept("as");
        reader.string();
        break;
      case "format":
        reader.accept("as");
        format = formatNamed(reader);
        break;
      case "csv":
        format = "csv";
        break;
      case "parquet":
        format = "parquet";
        break;
      case "json":
        format = "json";
        jsonOption(reader);
        break;
      case "quote":
        reader.accept("as");
        quote = reader.string();
        break;
      case "delimiter":
        reader.accept("as");
        delimiter = reader.string();
        break;
      case "ignoreheader":
        reader.accept("as");
        ignoreHeader = number(reader);
        break;
      case "maxerror":
        reader.accept("as");
        maxError = number(reader);
        break;
      case "null":
        reader.accept("as");
        nullAs = reader.string();
        break;
      case "dateformat":
      case "timeformat":
        reader.accept("as");
        dateFormat(option, reader.string());
        break;
      case "gzip":
        gzip = true;
        break;
      case "emptyasnull":
        emptyAsNull = true;
        break;
      case "manifest":
        manifest = true;
        break;
      case "statupdate":
      case "compupdate":
        onOff(reader);
        break;
      default:
        throw new SqlError(`COPY option ${option.toUpperCase()} is not available in local-aws`);
    }
  }
  const unfit = given.find((option) => !COMMON.includes(option));
  if (format === "parquet" && unfit !== undefined)
    throw new SqlError(`${unfit.toUpperCase()} argument is not supported for PARQUET based COPY`);
  if (quote !== null && format !== "csv") throw new SqlError("QUOTE is only supported with CSV");
  return {
    table,
    columns,
    from,
    format,
    delimiter: delimiter ?? (format === "csv" ? "," : "|"),
    quote: format === "csv" ? (quote ?? '"') : null,
    ignoreHeader,
    gzip,
    nullAs,
    emptyAsNull,
    manifest,
    maxError,
  };
}

const names = (tokens: readonly Token[]): string[] => tokens.filter((token) => token.text !== ",").map(valueOf);

function formatNamed(reader: TokenReader): CopyStatement["format"] {
  if (reader.accept("csv")) return "csv";
  if (reader.accept("parquet")) return "parquet";
  if (!reader.accept("json"))
    throw new SqlError(`COPY format ${reader.peek()?.text ?? ""} is not available in local-aws`);
  jsonOption(reader);
  return "json";
}

function jsonOption(reader: TokenReader): void {
  reader.accept("as");
  const paths = reader.peek()?.kind === "string" ? reader.string() : "auto";
  if (paths !== "auto") throw new SqlError("COPY … JSON with a jsonpaths file is not available in local-aws");
}

/** ISO dates and times are all DuckDB reads without being told a format. */
function dateFormat(option: string, format: string): void {
  if (!["auto", "YYYY-MM-DD", "YYYY-MM-DD HH:MI:SS", "YYYY-MM-DD HH24:MI:SS"].includes(format))
    throw new SqlError(`${option.toUpperCase()} '${format}' is not available in local-aws`);
}

function number(reader: TokenReader): number {
  const token = reader.next();
  if (token.kind !== "number" && !/^'\d+'$/.test(token.text)) throw syntaxError(token.text);
  return Number(valueOf(token));
}
