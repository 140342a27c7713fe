import { makeHome } from "../../local/home.ts";
import type { Config } from "../../config.ts";
import { parseDuration } from "../../core/duration.ts";
import { NocturneError } from "../../core/errors.ts";
import { resolve } from "node:path";
import { outcomeLines, outcomesDocument, progressLines } from "../archive/outcome-lines.ts";
import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";

interface Options {
  readonly olderThan?: string;
  readonly before?: string;
  readonly to?: string;
  readonly dryRun?: boolean;
}

/** `db archive`: months of ended runs leave the database for files. */
export async function dbArchive(session: Session, _: readonly string[], options: Options): Promise<number> {
  const { out, interrupted, stopping } = session;
  const config = await session.config();
  const cutoff = cutoffOf(options, config);
  const folder = options.to === undefined ? config.retention.archiveTo : resolve(session.cwd, options.to);
  const isDryRun = options.dryRun === true;
  // The default folder is ours to make; one that was named has to have a place.
  if (options.to === undefined && !isDryRun) await makeHome(config.home);
  stopping.message = "stopping after this month; run the command again to go on";
  const onProgress = progressLines((line) => out.progress(line));
  const outcomes = await withStore(session, config, (store) =>
    session.app.archive(store, { cutoff, folder, isDryRun, onProgress, interrupted }),
  );
  for (const line of outcomeLines(outcomes, cutoff)) out.print(line);
  out.document(outcomesDocument(outcomes, cutoff));
  return outcomes.some(({ kind }) => kind === "stays") ? EXIT.refused : EXIT.done;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;

/** Runs made before it leave. Throws USAGE unless exactly one way to say it was used, or the settings say it. */
function cutoffOf({ olderThan, before }: Options, { retention }: Config): number {
  const now = Date.now();
  if (olderThan !== undefined && before !== undefined) throw usage("--older-than and --before say the same: give one");
  if (before !== undefined) {
    const at = DAY.test(before) ? Date.parse(`${before}T00:00:00Z`) : NaN;
    if (Number.isNaN(at)) throw usage(`--before ${before}: expected a day such as 2026-01-31`);
    if (at > now) throw usage(`--before ${before}: that day is still to come`);
    return at;
  }
  if (olderThan !== undefined) {
    const ms = parseDuration(olderThan);
    if (ms === null || ms <= 0) throw usage(`--older-than ${olderThan}: expected a duration such as 90d`);
    return now - ms;
  }
  if (retention.runsMs !== null) return now - retention.runsMs;
  throw usage("which runs? Say --older-than 90d or --before 2026-01-01, or set retention.runs in nocturne.yaml");
}

const usage = (message: string): NocturneError => new NocturneError({ code: "USAGE", message });
