import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const MOST_RECEIVERS = 100;
const address = z
  .string()
  .regex(/^[^\s<>()[\]\\,;:"@]{1,64}@[^\s<>()[\]\\,;:"@]{1,255}$/, "expected an address such as ana@example.com");
const addresses = z.array(address).min(1).max(MOST_RECEIVERS);

export const emailSendFacts = {
  type: "email.send",
  summary: "Sends a mail over the mail server of nocturne.yaml",
  params: z.strictObject({
    to: addresses,
    cc: addresses.optional(),
    subject: z.string().regex(/^[^\r\n\0]{1,500}$/, "expected one line of at most 500 characters"),
    text: z.string().max(1_000_000),
    html: z.string().max(1_000_000).optional(),
    idempotent: z.boolean().default(false).describe("whether it may be sent again after the process that sent it died"),
  }),
  launch: { kind: "in_process" },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type EmailSendParams = z.infer<typeof emailSendFacts.params>;
