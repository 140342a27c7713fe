import { once } from "node:events";
import { withLocalAws, type Config } from "../../config.ts";
import type { Role } from "../../core/roles.ts";
import { REAL_TIME } from "../../core/time-scale.ts";
import type { Store } from "../../store/open.ts";
import type { Alerter } from "../app.ts";
import { startLocal, warn, type Session } from "../session.ts";
import { startEngineRole } from "./engine-role.ts";
import { readyDocument, readyLine } from "./ready-line.ts";
import type { ReservedPort } from "./reserve-port.ts";
import { Started } from "./started.ts";

/** Where the role `api` listens. */
interface Address {
  readonly host: string;
  readonly reserved: ReservedPort;
}

/**
 * The running system over an open store, as far as this process's roles go: local-aws when asked for, the alerter, the engine
 * with the folder's watcher, the API (`address`; null: it has not that role). Resolves when it was asked to stop and has
 * stopped in order; rejects when its engine cannot go on.
 */
export async function runSystem(
  session: Session,
  config: Config,
  store: Store,
  address: Address | null,
): Promise<void> {
  const { app, out, interrupted } = session;
  const does = (role: Role): boolean => config.roles.includes(role);
  const started = new Started();
  try {
    // Mails need neither AWS nor the clock that a local one tells.
    const local = config.aws === "local" && (does("engine") || does("api")) ? await startLocal(session, config) : null;
    if (local !== null) started.add(() => local.stop());
    const time = local?.time ?? REAL_TIME;
    const alerter = does("alert") ? await startMails(session, config, store, address) : null;
    if (alerter !== null) started.add(() => alerter.stop());
    const here = local === null ? config : withLocalAws(config, local.url);
    const onMails = (): void => alerter?.ring();
    const work = does("engine") ? await startEngineRole(session, here, store, started, { time, onMails }) : null;
    const stopped = interrupted.aborted ? Promise.resolve() : once(interrupted, "abort");
    const ended = work?.engine.ended ?? new Promise<never>(() => undefined);

    let isReady = work === null;
    let url: string | null = null;
    if (address !== null) {
      const { host, reserved } = address;
      await reserved.release();
      const wish = { host, port: reserved.port, time, isReady: () => isReady, hasEngine: work !== null };
      const api = await app.startApi(config, store, wish);
      started.add(() => api.close());
      ({ url } = api);
    }
    await Promise.race([work?.engine.ready, ended, stopped]);
    if (interrupted.aborted) return;
    isReady = true;
    const facts = {
      url,
      roles: config.roles,
      dags: work?.dags ?? null,
      home: config.home,
      mail: alerter && app.mailRoute(config),
      standsBy: work && !work.engine.isWriting,
      time: local?.time ?? null,
    };
    session.streams.stdout.write(`${out.json ? JSON.stringify(readyDocument(facts)) : readyLine(facts)}\n`);
    work?.follow();
    await Promise.race([stopped, ended]);
  } finally {
    await started.stop();
  }
}

function startMails(session: Session, config: Config, store: Store, address: Address | null): Promise<Alerter> {
  const ownUrl = address && `http://${address.host}:${address.reserved.port}`;
  return session.app.startAlerter(config, store, {
    publicUrl: config.publicUrl ?? ownUrl,
    onTrouble: (problem) => {
      if (problem === null) session.out.progress("nocturne: mails go out again");
      else warn(session, problem);
    },
  });
}
