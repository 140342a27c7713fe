import { setTimeout as delay } from "node:timers/promises";
import type { Config, ConfigFlags } from "../config.ts";
import type { LoadedDag } from "../core/dag.ts";
import type { Engine } from "../runtime/engine.ts";
import { ERRORS, type Problem } from "../core/errors.ts";
import { REAL_TIME } from "../core/time-scale.ts";
import type { Alerter, App, OpenStore } from "./app.ts";
import { createOutput, type Output, type Streams } from "./output.ts";

/** The global options as commander hands them over. */
export interface GlobalOptions {
  readonly home?: string;
  readonly config?: string;
  readonly aws?: string;
  readonly databaseUrl?: string;
  readonly fleet?: string;
  readonly roles?: string;
  readonly dags?: string;
  readonly timeScale?: string;
  readonly timeFrom?: string;
  readonly json?: boolean;
  readonly debug?: boolean;
  readonly color?: boolean;
}

/** What surrounds one command: where it runs, where it speaks to, when it was asked to stop. */
export interface Surroundings {
  readonly streams: Streams;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted by the first Ctrl-C. */
  readonly interrupted: AbortSignal;
  /** What Ctrl-C means to this command; it may say so before it begins. */
  readonly stopping: Stopping;
}

export interface Stopping {
  /** Told at the first Ctrl-C. */
  message: string;
  /** Whether it is this command's usual end, which then decides the exit code; else 130. */
  isUsual: boolean;
}

/** One command's view of the world. */
export interface Session extends Surroundings {
  readonly app: App;
  readonly out: Output;
  readonly flags: GlobalOptions;
  /** Reads nocturne.yaml and the environment; throws CONFIG_INVALID. */
  config(over?: ConfigFlags): Promise<Config>;
}

export function createSession(app: App, flags: GlobalOptions, surroundings: Surroundings): Session {
  const { env, cwd, streams } = surroundings;
  const out = createOutput(streams, { json: flags.json === true, color: flags.color !== false, env });
  return {
    ...surroundings,
    app,
    flags,
    out,
    config: async (over) => (await import("../config.ts")).loadConfig({ flags: { ...flags, ...over }, env, cwd }),
  };
}

/** A command to type next, as it works where one stands: below npm there is no `nocturne` on the PATH. */
export function lookAt({ env, flags }: Session, command: string, home = flags.home): string {
  const program = env["npm_execpath"] === undefined ? "nocturne" : "npx nocturne";
  return `${program} ${command}${home === undefined ? "" : ` --home ${home}`}`;
}

/** Runs `action` with the store open, and closes it whatever happens. */
export async function withStore<T>(
  session: Session,
  config: Config,
  action: (store: OpenStore["store"]) => Promise<T>,
): Promise<T> {
  session.interrupted.throwIfAborted();
  const opened = await session.app.openStore(config);
  for (const problem of opened.warnings) warn(session, problem);
  try {
    return await action(opened.store);
  } finally {
    await opened.close();
  }
}

/**
 * Runs `action` with an engine in this process, and stops both whatever happens. With `--aws local` a local-aws is started
 * for it, and ended again unless another command uses it. Mails that come up are sent. Fails when the engine cannot go on.
 */
export async function withEngine<T>(
  session: Session,
  config: Config,
  store: OpenStore["store"],
  dags: readonly LoadedDag[],
  action: (engine: Engine) => Promise<T>,
  options: { readonly plans?: boolean } = {},
): Promise<T> {
  session.interrupted.throwIfAborted();
  const local = config.aws === "local" ? await startLocal(session, config) : null;
  const mails = mailsOnDemand(session, config, store);
  let engine: Engine | null = null;
  try {
    const { withLocalAws } = await import("../config.ts");
    const { plans = false } = options;
    const time = local?.time ?? REAL_TIME;
    const { onMails } = mails;
    const here = local === null ? config : withLocalAws(config, local.url);
    engine = await session.app.startEngine(here, store, dags, { plans, time, onMails });
    const failed = engine.ended.then(() => new Promise<never>(() => undefined));
    return await Promise.race([action(engine), failed]);
  } finally {
    await engine?.stop();
    await mails.stop();
    await local?.stop();
  }
}

/** The local-aws of the configuration's home, on the clock that it wishes for. */
export async function startLocal(session: Session, { home, time }: Config) {
  const { startLocalAws } = await import("../local/local-aws.ts");
  const wish =
    time === null ? {} : { time: { factor: time.factor, ...(time.from === null ? {} : { from: time.from }) } };
  return startLocalAws({ home, log: (line) => session.out.progress(line), ...wish });
}

/** Mails that cannot go out at the end of a command stay in the outbox: the running system sends them. */
const MAIL_MS = 5_000;

/** Sends mails from the first one on: most commands cause none, and what sends them is slow to load. */
function mailsOnDemand(session: Session, config: Config, store: OpenStore["store"]) {
  let starting: Promise<Alerter> | null = null;
  const start = (): Promise<Alerter> =>
    session.app.startAlerter(config, store, {
      publicUrl: config.publicUrl,
      onTrouble: (problem) => {
        if (problem !== null) warn(session, problem);
      },
    });
  return {
    onMails: () => {
      starting ??= start();
      starting.then(
        (alerter) => alerter.ring(),
        (error: unknown) => session.out.progress(`nocturne: mails wait: ${(error as Error).message}`),
      );
    },
    stop: async () => {
      const alerter = await starting?.catch(() => null);
      if (!alerter) return;
      await Promise.race([alerter.settled(), delay(MAIL_MS, undefined, { ref: false })]);
      await alerter.stop();
    },
  };
}

/** A problem that does not end the command. */
export function warn({ out }: Session, { code, message }: Problem): void {
  out.progress(out.colors.yellow(`nocturne: warning: ${code}  ${message}`));
  out.progress(`  ${ERRORS[code]}`);
}
