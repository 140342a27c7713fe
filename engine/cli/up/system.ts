import { once } from "node:events";
import { dirname } from "node:path";
import { schedule } from "node-cron";
import { withLocalAws, type Config } from "../../config.ts";
import { REAL_TIME } from "../../core/time-scale.ts";
import { watchDagFolder, type FolderNews } from "../../dagfile/watch/watch-folder.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import { listDags } from "../../store/read-models/dags.ts";
import type { Alerter } from "../app.ts";
import { startLocal, warn, type Session } from "../session.ts";
import { FolderReport } from "./folder-report.ts";
import { followRuns } from "./follow-runs.ts";
import { keepRetention } from "./retention.ts";
import { readyDocument, readyLine } from "./ready-line.ts";
import type { ReservedPort } from "./reserve-port.ts";

/** Every hour, at a minute when few other things begin. */
const HOUSEKEEPING = "17 * * * *";
/** Once a day, when most nights are done. */
const RETENTION = "41 11 * * *";

/**
 * The running system over an open store: local-aws when asked for, the folder's watcher, alerter, engine and API. Resolves
 * when it was asked to stop and has stopped in order; rejects when its engine cannot go on.
 */
export async function runSystem(
  session: Session,
  config: Config,
  store: Store,
  { host, reserved }: { readonly host: string; readonly reserved: ReservedPort },
): Promise<void> {
  const { app, out, interrupted } = session;
  /** What has been started, to be stopped in the opposite order. */
  const started: (() => unknown)[] = [];
  try {
    const local = config.aws === "local" ? await startLocal(session, config) : null;
    if (local !== null) started.push(() => local.stop());
    const alerter = await startMails(session, config, store, `http://${host}:${reserved.port}`);
    started.push(() => alerter.stop());
    const report = new FolderReport(session, config, store);
    const folder = await watch(session, config, store, (news) => {
      engine.publish(news);
      report.tell(news);
    });
    started.push(() => folder.close());
    report.tell(folder.first);

    const here = local === null ? config : withLocalAws(config, local.url);
    const time = local?.time ?? REAL_TIME;
    const onMails = (): void => alerter.ring();
    const engine: Engine = await app.startEngine(here, store, folder.first.dags, { plans: true, time, onMails });
    started.push(() => engine.stop());
    engine.publish({ dags: [], gone: folder.first.gone });
    let isReady = false;
    await reserved.release();
    const now = (): number => engine.now();
    const api = await app.startApi(config, store, { host, port: reserved.port, now, isReady: () => isReady });
    started.push(() => api.close());

    const stopped = interrupted.aborted ? Promise.resolve() : once(interrupted, "abort");
    await Promise.race([engine.ready, engine.ended, stopped]);
    if (interrupted.aborted) return;
    isReady = true;
    const facts = {
      url: api.url,
      dags: folder.first.dags.length,
      home: config.home,
      mail: app.mailRoute(config),
      standsBy: !engine.isWriting,
      time: local?.time ?? null,
    };
    session.streams.stdout.write(`${out.json ? JSON.stringify(readyDocument(facts)) : readyLine(facts)}\n`);
    started.push(followRuns(session, store, engine, report));
    const clockwork = schedule(HOUSEKEEPING, () => {
      app.cleanUp(store).catch((error: unknown) => out.progress(`nocturne: housekeeping: ${(error as Error).message}`));
    });
    started.push(() => clockwork.destroy());
    const retention = schedule(RETENTION, () => void keepRetention(session, config, store, engine));
    started.push(() => retention.destroy());
    await Promise.race([stopped, engine.ended]);
  } finally {
    for (const stop of started.reverse()) await stop();
  }
}

function watch(session: Session, config: Config, store: Store, onNews: (news: FolderNews) => void) {
  return Promise.all([listDags(store), session.app.operators()]).then(([dags, operators]) =>
    watchDagFolder({
      folder: config.dagsFolder,
      projectRoot: dirname(config.dagsFolder),
      operators,
      environment: config.environment,
      known: dags.filter(({ isStale }) => !isStale).map(({ dagId, file }) => ({ dagId, file })),
      onNews,
      onError: (error) => session.out.progress(`nocturne: ${config.dagsFolder}: ${(error as Error).message}`),
    }),
  );
}

function startMails(session: Session, config: Config, store: Store, ownUrl: string): Promise<Alerter> {
  return session.app.startAlerter(config, store, {
    publicUrl: config.publicUrl ?? ownUrl,
    onTrouble: (problem) => {
      if (problem === null) session.out.progress("nocturne: mails go out again");
      else warn(session, problem);
    },
  });
}
