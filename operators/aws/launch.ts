import type { SubmitContext, Submitted } from "../../engine/core/operator.ts";
import { classify, NotSent } from "./errors.ts";

/**
 * A submit in its two halves. What fails in `prepare` (uploads, a job's definition) has certainly started nothing: it is
 * refused or tried again. What fails in `send` is judged by the error; `special` answers errors that mean more to the caller.
 */
export async function launch<Request, Ref>(
  prepare: () => Promise<Request>,
  send: (request: Request) => Promise<Ref>,
  special: (error: unknown) => Submitted<Ref, never> | null = () => null,
): Promise<Submitted<Ref, never>> {
  let request: Request;
  try {
    request = await prepare();
  } catch (error) {
    const why = classify(error);
    return why.kind === "doubt" ? { kind: "throttled", message: why.message } : why;
  }
  try {
    return { kind: "started", ref: await send(request) };
  } catch (error) {
    return special(error) ?? classify(error);
  }
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the SDK types a stack by each command's own input and output */
interface Command {
  readonly middlewareStack: {
    add(
      middleware: (next: (args: any) => Promise<any>) => (args: any) => Promise<any>,
      options: { step: "finalizeRequest"; priority: "low"; name: string },
    ): void;
  };
}
/* eslint-enable @typescript-eslint/no-explicit-any */

/** The command, held back when send_by has passed: asked after signing, as the last thing before the socket (rule 15). */
export function whileItMaySend<C extends Command>(command: C, context: SubmitContext): C {
  command.middlewareStack.add(
    (next) => async (args) => {
      if (!context.mayStillSend()) throw new NotSent("send_by passed");
      return (await next(args)) as unknown;
    },
    { step: "finalizeRequest", priority: "low", name: "nocturneSendBy" },
  );
  return command;
}

/** With what a submit is sent: its limit is the one that the wait before a search counts on, whatever the client's own. */
export const sendOptions = ({ signal, requestLimitMs }: SubmitContext) => ({
  abortSignal: signal,
  requestTimeout: requestLimitMs,
});

/** A search for a launch key's jobs looks from here: our clock and the service's may differ by minutes. */
export const searchFrom = (context: SubmitContext): Date => new Date(context.intentAt - 5 * 60_000);

/** A search that found nothing and did not get to its start is no answer: an endless scan would not be one either. */
export const SEARCH_PAGES = 3;
export const tooFar = (what: string): Error =>
  new Error(`${what}: ${SEARCH_PAGES} pages did not reach the time of the launch; nothing is known of its job`);
