import type { Session } from "./session.ts";

/** What a command does once its arguments are read; answers the exit code. */
export type Action<Options> = (session: Session, args: readonly string[], options: Options) => Promise<number>;

/** What the program lends to those who add commands to it. */
export interface Lent {
  readonly bind: <Options>(load: () => Promise<Action<Options>>) => (...given: unknown[]) => Promise<void>;
  readonly examples: (lines: readonly string[]) => string;
  readonly wholeNumber: (text: string) => number;
}
