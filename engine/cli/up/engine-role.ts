import { dirname } from "node:path";
import { schedule } from "node-cron";
import type { Config } from "../../config.ts";
import { watchDagFolder, type FolderNews } from "../../dagfile/watch/watch-folder.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import { filesOfDags } from "../../store/read-models/dags.ts";
import type { EngineOptions } from "../app.ts";
import { cachedReading } from "../dag-cache.ts";
import type { Session } from "../session.ts";
import { FolderReport } from "./folder-report.ts";
import { followRuns } from "./follow-runs.ts";
import { keepRetention } from "./retention.ts";
import type { Started } from "./started.ts";

/** Every hour, at a minute when few other things begin. */
const HOUSEKEEPING = "17 * * * *";
/** Once a day, when most nights are done. */
const RETENTION = "41 11 * * *";

export interface EngineRole {
  readonly engine: Engine;
  /** How many DAGs the folder had at first. */
  readonly dags: number;
  /** Begins to tell of runs, and to keep house while this process writes. */
  follow(): void;
}

/** The role `engine`: schedules, launches and the watch over the folder of DAGs, or the wait for the writer's row. */
export async function startEngineRole(
  session: Session,
  config: Config,
  store: Store,
  started: Started,
  { time, onMails }: Pick<EngineOptions, "time" | "onMails">,
): Promise<EngineRole> {
  const { app, out } = session;
  const report = new FolderReport(session, config, store);
  const folder = await watch(session, config, store, (news) => {
    engine.publish(news);
    report.tell(news);
  });
  started.add(() => folder.close());
  report.tell(folder.first);
  const engine: Engine = await app.startEngine(config, store, folder.first.dags, { plans: true, time, onMails });
  started.add(() => engine.stop());
  engine.publish({ dags: [], gone: folder.first.gone });

  const keepHouse = async (): Promise<void> => {
    if (engine.isWriting) await app.cleanUp(store);
  };
  const follow = (): void => {
    started.add(followRuns(session, store, engine, report));
    const clockwork = schedule(HOUSEKEEPING, () => {
      keepHouse().catch((error: unknown) => out.progress(`nocturne: housekeeping: ${(error as Error).message}`));
    });
    started.add(() => clockwork.destroy());
    const retention = schedule(RETENTION, () => void keepRetention(session, config, store, engine));
    started.add(() => retention.destroy());
  };
  return { engine, dags: folder.first.dags.length, follow };
}

function watch(session: Session, config: Config, store: Store, onNews: (news: FolderNews) => void) {
  return Promise.all([filesOfDags(store), session.app.operators()]).then(([known, operators]) =>
    watchDagFolder({
      folder: config.dagsFolder,
      projectRoot: dirname(config.dagsFolder),
      operators,
      environment: config.environment,
      ...cachedReading(config.home),
      known,
      onNews,
      onError: (error) => session.out.progress(`nocturne: ${config.dagsFolder}: ${(error as Error).message}`),
    }),
  );
}
