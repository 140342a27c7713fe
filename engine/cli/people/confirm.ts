import { createInterface } from "node:readline/promises";
import { NocturneError } from "../../core/errors.ts";
import type { Session } from "../session.ts";

/** Asks a person; only y and yes are a yes. Where nobody can answer, `--yes` must have said it before. */
export async function confirm(session: Session, question: string): Promise<boolean> {
  if (!canAsk(session)) {
    throw new NocturneError({
      code: "USAGE",
      message: `${question} Nobody is here to answer: say --yes, or --dry-run to look only`,
    });
  }
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await lines.question(`${question} [y/N] `, { signal: session.interrupted });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

export const canAsk = ({ out }: Session): boolean => out.live && !out.json && process.stdin.isTTY === true;
