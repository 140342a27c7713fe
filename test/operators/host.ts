import type { OperatorHost } from "../../engine/core/operator-host.ts";

/** The machine as the tests' operators see it; mails are accepted and forgotten. */
export const testHost = (changes: Partial<OperatorHost> = {}): OperatorHost => ({
  projectFolder: process.cwd(),
  environment: { PATH: process.env["PATH"] ?? "", HOME: "/nowhere", LANG: "C", TZ: "UTC" },
  connectionSettings: () => null,
  maxCommands: 4,
  sendMail: async () => ({ kind: "accepted", response: "250 OK" }),
  subRuns: {
    trigger: async ({ dagId, launchKey }) => ({
      kind: "made",
      run: { runId: launchKey, dagId, dagRunId: `triggered__${launchKey}` },
    }),
    look: async (runIds) => new Map(runIds.map((runId) => [runId, { state: "success", isPaused: false }])),
    cancel: async () => undefined,
  },
  ...changes,
});
