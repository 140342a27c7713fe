import { z } from "zod";
import type { OperatorDescriptor } from "../../engine/core/operator.ts";

const text = z.string().refine((value) => !value.includes("\0"), "it holds a NUL, which no command can be given");
const program = text.refine((value) => value !== "" && !value.startsWith("-"), "expected the program's name or path");
const exitCode = z.int().min(0).max(255);

export const shellRunFacts = {
  type: "shell.run",
  summary: "Runs a command on the machine that Nocturne runs on",
  params: z.strictObject({
    command: z
      .union([text.min(1), z.tuple([program], text)])
      .describe("a line for /bin/sh, or a list: the program and its arguments, without a shell"),
    env: z.record(z.string().regex(/^[A-Za-z_]\w*$/, "expected a variable's name"), text).optional(),
    cwd: text.min(1).optional().describe("folder in the project; absent: the project's own"),
    stdin: z.string().optional(),
    success_exit_codes: z.array(exitCode).min(1).default([0]),
    idempotent: z.boolean().default(false).describe("whether it may run again after the process that ran it died"),
  }),
  launch: { kind: "in_process" },
  fileFields: [],
} satisfies Omit<OperatorDescriptor, "load">;

export type ShellRunParams = z.infer<typeof shellRunFacts.params>;
