import { z } from "zod";

/** What athena.query and athena.check have in common. */
export const queryParams = {
  sql: z.string().min(1).optional(),
  file: z.string().min(1).optional().describe("path of a file with one statement"),
  values: z
    .record(z.string().regex(/^\w+$/), z.union([z.string(), z.number()]))
    .optional()
    .describe("what ${name} stands for in the statement"),
  database: z.string().min(1).optional(),
};

export const oneText = ({ sql, file }: { sql?: string | undefined; file?: string | undefined }): boolean =>
  (sql === undefined) !== (file === undefined);
export const ONE_TEXT = { error: "give either sql or file" };
