import { z } from "zod";
import { parseDuration } from "../../engine/core/duration.ts";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const IDEMPOTENT = ["GET", "HEAD", "PUT", "DELETE"] as const;
export const METHODS = [...IDEMPOTENT, "POST", "PATCH"] as const;

const address = z
  .string()
  .refine(
    (text) => URL.canParse(text) && /^https?:$/.test(new URL(text).protocol),
    "expected an address such as https://example.com/path",
  );
const duration = z
  .string()
  .refine((text) => (parseDuration(text) ?? 0) > 0, "expected a duration such as 30s or 2m")
  .default("1m");
const status = z.int().min(100).max(599);

export const httpRequestFacts = {
  type: "http.request",
  summary: "Sends one HTTP request and holds its answer against the expected status",
  params: z
    .strictObject({
      url: address,
      method: z.enum(METHODS).default("GET"),
      headers: z
        .record(
          z.string().regex(/^[\w!#$%&'*+.^`|~-]+$/, "expected a header's name"),
          z.string().regex(/^[^\r\n\0]*$/, "a header is one line"),
        )
        .optional(),
      json: z.json().optional().describe("the body as a document; its Content-Type is application/json"),
      text: z.string().optional().describe("the body as it is"),
      timeout: duration.describe("for one request, until its whole answer is there"),
      expect_status: z
        .union([status, z.array(status).min(1)])
        .optional()
        .describe("absent: any from 200 to 299"),
      idempotent: z.boolean().optional().describe("whether it may be sent again when its fate is unknown"),
    })
    .refine(({ json, text }) => json === undefined || text === undefined, { error: "give either json or text" })
    .refine(
      ({ method, json, text }) => !["GET", "HEAD"].includes(method) || (json === undefined && text === undefined),
      {
        error: "GET and HEAD have no body",
      },
    ),
  launch: { kind: "in_process" },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type HttpRequestParams = z.infer<typeof httpRequestFacts.params>;

/** Whether sending it twice does no more than sending it once: what the task says, else what the method promises (RFC 9110, 9.2.2). */
export const isIdempotent = ({ method, idempotent }: HttpRequestParams): boolean =>
  idempotent ?? (IDEMPOTENT as readonly string[]).includes(method);
