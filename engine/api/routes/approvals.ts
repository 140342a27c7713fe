import type { ZodTypeProvider } from "fastify-type-provider-zod";
import { z } from "zod";
import type { ApprovalWish } from "../../core/commands.ts";
import { findApprovalLink, type ApprovalLink } from "../../store/approval-links.ts";
import { oneRun } from "../../store/read-models/run-list.ts";
import { waitingApprovals } from "../../store/read-models/approvals.ts";
import { ApiError } from "../answer-error.ts";
import { approvalPage, decidedPage } from "../approval-page.ts";
import { iso, isoOrNull } from "../answers/run.ts";
import { allows } from "../auth.ts";
import { COMMAND_MS, carryOut } from "../carry-out.ts";
import type { Api, ApiOptions } from "../options.ts";
import { refusals } from "../schemas/answers.ts";
import { ApprovalsAnswer, DecidedAnswer } from "../schemas/flow-answers.ts";

const note = z
  .string()
  .max(1_000)
  .nullish()
  .transform((text) => (text === "" ? null : (text ?? null)));
const DecisionBody = z.strictObject({
  decision: z.enum(["approved", "rejected"]),
  note,
  map_index: z.int().default(-1),
});
const LinkBody = z.strictObject({ decision: z.enum(["approved", "rejected"]), note });
const LinkPath = z.object({ link: z.string().regex(/^[\w-]{43}$/, "expected the link of a mail") });

/** Only what the page itself brings may act on it, and nothing may frame it. */
const PAGE_HEADERS = {
  "content-type": "text/html; charset=utf-8",
  "content-security-policy":
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
};

/** Approvals: what waits, and somebody's word, by a token of the API or by the link of a mail. */
export function approvalRoutes(app: Api, { store, commandTimeoutMs = COMMAND_MS }: ApiOptions): void {
  // Longer than it waits for the writer, so that the answer says what became of the wish.
  const handlerTimeout = commandTimeoutMs * 2 + 5_000;
  const decide = (wish: ApprovalWish, by: string, from: string) =>
    carryOut(store, { kind: "decide_approval", ...wish, by, from }, commandTimeoutMs);
  app.get(
    "/api/v2/approvals",
    {
      schema: {
        operationId: "get_approvals",
        tags: ["Approval"],
        summary: "What waits for a decision, the oldest first",
        response: { 200: ApprovalsAnswer, ...refusals(401, 503) },
      },
    },
    async ({ caller }) => {
      const seen = (await waitingApprovals(store)).filter(({ dagId }) => caller !== null && allows(caller, dagId));
      return {
        approvals: seen.map((each) => ({
          dag_id: each.dagId,
          dag_run_id: each.dagRunId,
          task_id: each.taskId,
          map_index: each.mapIndex,
          try_number: each.tryNumber,
          message: each.message,
          approvers: [...each.approvers],
          asked_at: iso(each.askedAt),
          until: isoOrNull(each.until),
        })),
        total_entries: seen.length,
      };
    },
  );

  app.post(
    "/api/v2/dags/:dag_id/dagRuns/:dag_run_id/taskInstances/:task_id/approval",
    {
      handlerTimeout,
      schema: {
        operationId: "decide_approval",
        tags: ["Approval"],
        summary: "Approves or rejects; the first decision counts",
        params: z.object({ dag_id: z.string(), dag_run_id: z.string(), task_id: z.string() }),
        body: DecisionBody,
        response: { 200: DecidedAnswer, ...refusals(400, 401, 403, 404, 409, 413, 415, 422, 429, 503) },
      },
    },
    async ({ params, body, caller, ip }) => {
      const run = await oneRun(store, params.dag_id, params.dag_run_id);
      if (!run) throw new ApiError(404, "RUN_NOT_FOUND", `${params.dag_id} has no run ${params.dag_run_id}`);
      const { decision, note: said, map_index: mapIndex } = body;
      const which = { runId: run.runId, taskId: params.task_id, mapIndex, tryNumber: null };
      const value = await decide({ ...which, decision, note: said }, `rest_api:${caller?.id ?? ""}`, ip);
      return DecidedAnswer.parse(value);
    },
  );

  // A page's form is read here alone: nothing else takes what any page of the web could send.
  void app.register(async (scope) => {
    const page = scope.withTypeProvider<ZodTypeProvider>();
    page.addContentTypeParser("application/x-www-form-urlencoded", { parseAs: "string" }, (_request, body, done) => {
      done(null, Object.fromEntries(new URLSearchParams(String(body))));
    });
    page.get(
      "/approvals/:link",
      { config: { isOpen: true }, schema: { hide: true, params: LinkPath } },
      async ({ params }, reply) => {
        const asked = await linkOf(params.link);
        return reply.headers(PAGE_HEADERS).send(approvalPage(asked));
      },
    );

    page.post(
      "/approvals/:link",
      { handlerTimeout, config: { isOpen: true }, schema: { hide: true, params: LinkPath, body: LinkBody } },
      async ({ params, body, ip }, reply) => {
        const { runId, taskId, mapIndex, tryNumber, receiver, ...asked } = await linkOf(params.link);
        await decide({ runId, taskId, mapIndex, tryNumber, ...body }, receiver, ip);
        return reply.headers(PAGE_HEADERS).send(decidedPage({ ...asked, taskId }, body.decision));
      },
    );
  });

  async function linkOf(secret: string): Promise<ApprovalLink> {
    const link = await findApprovalLink(store, secret);
    if (link) return link;
    throw new ApiError(404, "APPROVAL_NOT_FOUND", "this link is not known here");
  }
}
