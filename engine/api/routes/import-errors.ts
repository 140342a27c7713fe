import { createHash } from "node:crypto";
import { z } from "zod";
import { importErrors, type ImportError } from "../../store/import-errors.ts";
import { dagPage } from "../../store/read-models/dag-list.ts";
import { iso } from "../answers/run.ts";
import { visibleTo } from "../auth.ts";
import type { Api, ApiOptions } from "../options.ts";
import { ImportErrorsAnswer, refusals } from "../schemas/answers.ts";
import { paging } from "../schemas/queries.ts";

const { limit, offset } = paging(["id"]);

export function importErrorRoutes(app: Api, { store }: ApiOptions): void {
  app.get(
    "/api/v2/importErrors",
    {
      schema: {
        operationId: "get_import_errors",
        tags: ["Import Error"],
        summary: "DAG files that cannot be read just now; their DAGs go on as last read",
        querystring: z.strictObject({ limit, offset }),
        response: { 200: ImportErrorsAnswer, ...refusals(401, 422, 503) },
      },
    },
    async (request) => {
      const visible = visibleTo(request);
      let errors = await importErrors(store);
      if (!visible.includes("*")) {
        const every = { limit: 1_000_000, offset: 0, orderBy: [], withStale: true };
        const files = new Set((await dagPage(store, { ...every, visible })).rows.map((dag) => dag.file));
        errors = errors.filter(({ file }) => files.has(file));
      }
      const { query } = request;
      const page = errors.slice(query.offset, query.offset + query.limit);
      return { import_errors: page.map(importErrorAnswer), total_entries: errors.length };
    },
  );
}

const importErrorAnswer = ({ file, problems, seenAt }: ImportError) => ({
  // Clients want a number where we have a name.
  import_error_id: createHash("sha256").update(file).digest().readUInt32BE() >>> 1,
  timestamp: iso(seenAt),
  filename: file,
  bundle_name: null,
  stack_trace: problems
    .map(
      ({ code, message, at }) =>
        `${[at?.file ?? file, at?.line, at?.column].filter(Boolean).join(":")}  ${code}  ${message}`,
    )
    .join("\n"),
});
