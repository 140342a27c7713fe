import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const MOST_STATEMENTS = 100;
const statement = z.string().min(1);
const parameter = z.union([z.string(), z.number(), z.boolean(), z.null()]);

export const sqlPostgresFacts = {
  type: "sql.postgres",
  summary: "Runs SQL statements in a Postgres of yours as one transaction",
  params: z
    .strictObject({
      connection: z.string().min(1).describe("the connection of nocturne.yaml that has the address under `postgres`"),
      statements: z.union([statement, z.array(statement).min(1).max(MOST_STATEMENTS)]).optional(),
      file: z.string().min(1).optional().describe("path of a file of statements, such as sql/load.sql"),
      parameters: z.array(parameter).optional().describe("values of $1, $2, … in the one statement there is"),
      idempotent: z.boolean().default(false).describe("whether it may run again after the process that ran it died"),
    })
    .refine(({ statements, file }) => (statements === undefined) !== (file === undefined), {
      error: "give either statements or file",
    })
    .refine(
      ({ statements, parameters }) => parameters === undefined || !Array.isArray(statements) || statements.length === 1,
      {
        error: "parameters go with one statement: give the values in the text, or make a task of each",
      },
    ),
  launch: { kind: "in_process" },
  fileFields: ["file"],
} satisfies Omit<OperatorDescriptor, "load">;

export type SqlPostgresParams = z.infer<typeof sqlPostgresFacts.params>;
