import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import type { Config } from "../../config.ts";
import type { Engine } from "../../runtime/engine.ts";
import type { Store } from "../../store/open.ts";
import { outcomeLines } from "../archive/outcome-lines.ts";
import type { Session } from "../session.ts";

/**
 * Moves months of runs that are older than `retention.runs` into files; without that setting runs stay for ever. Only the
 * process that writes does it, so that of several one is at it. What goes wrong is told, and tried again the next day.
 */
export async function keepRetention(
  { app, out, interrupted }: Pick<Session, "app" | "out" | "interrupted">,
  { retention, home }: Pick<Config, "retention" | "home">,
  store: Store,
  engine: Pick<Engine, "isWriting" | "now">,
): Promise<void> {
  if (retention.runsMs === null || !engine.isWriting) return;
  const { archiveTo: folder } = retention;
  const cutoff = engine.now() - retention.runsMs;
  try {
    if (dirname(folder) === home) await mkdir(home, { recursive: true });
    const wish = { cutoff, folder, isDryRun: false, onProgress: () => undefined, interrupted };
    const outcomes = await app.archive(store, wish);
    if (outcomes.length > 0)
      for (const line of outcomeLines(outcomes, cutoff)) out.progress(`nocturne: archive: ${line}`);
  } catch (error) {
    out.progress(`nocturne: archive: ${(error as Error).message}`);
  }
}
