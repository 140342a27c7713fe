import type { Config, ConfigFlags } from "../config.ts";
import type { LoadedDag } from "../core/dag.ts";
import type { Engine } from "../runtime/engine.ts";
import { ERRORS } from "../core/errors.ts";
import type { App, OpenStore } from "./app.ts";
import { createOutput, type Output, type Streams } from "./output.ts";

/** The global options as commander hands them over. */
export interface GlobalOptions {
  readonly home?: string;
  readonly config?: string;
  readonly aws?: string;
  readonly databaseUrl?: string;
  readonly fleet?: string;
  readonly dags?: string;
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
  for (const { code, message } of opened.warnings) {
    session.out.progress(session.out.colors.yellow(`nocturne: warning: ${code}  ${message}`));
    session.out.progress(`  ${ERRORS[code]}`);
  }
  try {
    return await action(opened.store);
  } finally {
    await opened.close();
  }
}

/**
 * Runs `action` with an engine in this process, and stops both whatever happens. With `--aws local` a local-aws is started
 * for it, and ended again unless another command uses it. Fails when the engine cannot go on.
 */
export async function withEngine<T>(
  session: Session,
  config: Config,
  store: OpenStore["store"],
  dags: readonly LoadedDag[],
  action: (engine: Engine) => Promise<T>,
): Promise<T> {
  session.interrupted.throwIfAborted();
  const local = config.aws === "local" ? await startLocal(session, config.home) : null;
  let engine: Engine | null = null;
  try {
    const { withLocalAws } = await import("../config.ts");
    engine = await session.app.startEngine(local === null ? config : withLocalAws(config, local.url), store, dags);
    const failed = engine.ended.then(() => new Promise<never>(() => undefined));
    return await Promise.race([action(engine), failed]);
  } finally {
    await engine?.stop();
    await local?.stop();
  }
}

async function startLocal(session: Session, home: string) {
  const { startLocalAws } = await import("../local/local-aws.ts");
  return startLocalAws({ home, log: (line) => session.out.progress(line) });
}
