import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import type { LoadedDag } from "../../core/dag.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import type { TimeWish } from "../../local/local-aws.ts";
import type { MailRoute } from "../app.ts";
import { withEngine, withStore, type Session } from "../session.ts";
import { counted } from "../text/figures.ts";
import { DEMO_BUCKETS, freshDatabase, freshLocalAws } from "./home.ts";
import type { RawFile } from "./raw-file.ts";
import { upload } from "./upload.ts";

/** Real time: at AWS half a minute between two looks is little of a night, here it would be hours of the clock. */
const POLL_MAX_MS = 100;

/** What a demo on a faster clock begins with. */
export interface ScaledStart {
  readonly dag: LoadedDag;
  readonly time: TimeWish;
  /** Whether the schedule makes the run, or somebody asks for it. */
  readonly plans: boolean;
  readonly files: Iterable<RawFile>;
  /** Faults as POST /_local/faults takes them, in the order in which they are to strike. */
  readonly faults: readonly object[];
}

/** Nocturne over a local-aws of its own, on that one's clock. */
export interface ScaledSystem {
  readonly store: Store;
  /** local-aws's address. */
  readonly url: string;
  /** What runs the Spark jobs. */
  readonly spark: string;
  readonly factor: number;
  readonly mailRoute: MailRoute;
  /** Runs an engine while `action` does; afterwards the mails that it caused have gone out, where that can be. */
  withEngine<T>(action: (engine: Engine) => Promise<T>): Promise<T>;
}

/**
 * Sets everything up with nothing left of an earlier demo, runs `action`, and ends it whatever happens. local-aws comes
 * last but for the engine: from its start on, hours pass in seconds.
 */
export async function withScaledSystem<T>(
  session: Session,
  config: Config,
  start: ScaledStart,
  action: (system: ScaledSystem) => Promise<T>,
): Promise<T> {
  const { out, interrupted } = session;
  const { home } = config;
  out.progress("Setting up Postgres and local-aws");
  const database = await freshDatabase(home, config.databaseUrl);
  try {
    await rm(join(home, "inbox"), { recursive: true, force: true });
    const engine = { ...config.engine, pollMaxMs: POLL_MAX_MS };
    const here = { ...config, engine, databaseUrl: database.url };
    return await withStore(session, here, async (store) => {
      const aws = await freshLocalAws(home, start.time);
      try {
        const count = await upload(aws.url, DEMO_BUCKETS, start.files, interrupted);
        for (const fault of start.faults) await addFault(aws.url, fault);
        const files = count === 0 ? "" : `${counted(count, "raw file")} in s3://${DEMO_BUCKETS[0]}, `;
        out.progress(`${files}LOCAL at ${aws.url}, its clock ${aws.time.factor} times as fast as the wall's`);
        return await action({
          store,
          url: aws.url,
          spark: aws.engine,
          factor: aws.time.factor,
          mailRoute: session.app.mailRoute(here),
          withEngine: (work) => withEngine(session, here, store, [start.dag], work, { plans: start.plans }),
        });
      } finally {
        await aws.stop();
      }
    });
  } finally {
    await database.stop();
  }
}

async function addFault(url: string, fault: object): Promise<void> {
  const answer = await fetch(`${url}/_local/faults`, { method: "POST", body: JSON.stringify(fault) });
  if (!answer.ok) throw new Error(`local-aws refused a fault: ${await answer.text()}`);
}
