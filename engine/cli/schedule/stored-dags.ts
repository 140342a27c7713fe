import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../../config.ts";
import { dagPage, type DagRow } from "../../store/read-models/dag-list.ts";
import { problemsOf } from "../report-error.ts";
import { warn, withStore, type Session } from "../session.ts";

const MOST_DAGS = 100_000;

/**
 * The DAGs by id as the database has them. Empty where there is no database yet: a command that reads makes none. One that is
 * away is said, and the command goes on with the files.
 */
export async function storedDags(session: Session, config: Config): Promise<Map<string, DagRow>> {
  const places = ["postgres", "postgres.json"].map((name) => join(config.home, name));
  if (config.databaseUrl === null && !places.some((place) => existsSync(place))) return new Map();
  try {
    const { rows } = await withStore(session, config, (store) =>
      dagPage(store, { visible: ["*"], withStale: true, limit: MOST_DAGS, offset: 0, orderBy: [] }),
    );
    return new Map(rows.map((row) => [row.dagId, row]));
  } catch (error) {
    session.interrupted.throwIfAborted();
    for (const problem of problemsOf(error)) warn(session, problem);
    return new Map();
  }
}
