import { NocturneError } from "../../core/errors.ts";
import type { JsonObject } from "../../core/json.ts";
import { listAssetEvents, listAssets } from "../../store/read-models/assets.ts";
import { EXIT } from "../exit-codes.ts";
import { carriedOut } from "../inbox.ts";
import { withEngine, withStore, type Session } from "../session.ts";
import { isoOrNull, timeText } from "../text/figures.ts";
import { table } from "../text/table.ts";

/** `assets list`: what brings each asset up to date, and what waits for it. */
export async function assetsList(session: Session): Promise<number> {
  const { out } = session;
  const assets = await withStore(session, await session.config(), listAssets);
  const titles = ["ASSET", "UPDATED", "PRODUCED BY", "WAITED FOR BY"].map((title) => ({ title }));
  const cells = assets.map(({ name, updatedAt, producers, consumers }) => [
    name,
    updatedAt === null ? "never" : timeText(updatedAt),
    producers.map(({ dagId, taskId }) => `${dagId}.${taskId}`).join(", "),
    consumers.map(({ dagId }) => dagId).join(", "),
  ]);
  if (assets.length === 0) out.print("No DAG names an asset; `nocturne up` publishes those of the folder.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({
    assets: assets.map(({ name, updatedAt, producers, consumers }) => ({
      name,
      updated_at: isoOrNull(updatedAt),
      producers: producers.map(({ dagId, taskId }) => ({ dag_id: dagId, task_id: taskId })),
      consumers: consumers.map(({ dagId, onAssets, updates }) => ({ dag_id: dagId, on_assets: onAssets, updates })),
    })),
  });
  return EXIT.done;
}

/** `assets events [asset]`: when assets were brought up to date, the newest first. */
export async function assetsEvents(
  session: Session,
  [asset]: readonly string[],
  { limit }: { readonly limit: number },
): Promise<number> {
  const { out } = session;
  const events = await withStore(session, await session.config(), (store) => listAssetEvents(store, { asset, limit }));
  const titles = ["AT", "ASSET", "BY", "RUN"].map((title) => ({ title }));
  const cells = events.map(({ at, asset: name, dagId, taskId, dagRunId, by }) => [
    timeText(at),
    name,
    dagId === null ? by : `${dagId}.${taskId}`,
    dagRunId ?? "",
  ]);
  if (events.length === 0) out.print("No asset was brought up to date.");
  else for (const line of table(titles, cells)) out.print(line);
  out.document({
    events: events.map(({ at, asset: name, dagId, dagRunId, taskId, by, extra }) => ({
      at: isoOrNull(at),
      asset: name,
      dag_id: dagId,
      dag_run_id: dagRunId,
      task_id: taskId,
      by,
      extra,
    })),
  });
  return EXIT.done;
}

/** `assets emit ASSET`: says that an asset is up to date; what waits for it runs. */
export async function assetsEmit(
  session: Session,
  [asset = ""]: readonly string[],
  { extra = "{}" }: { readonly extra?: string },
): Promise<number> {
  const { out } = session;
  const config = await session.config();
  const body = { kind: "emit_asset", asset, extra: extraOf(extra), by: "cli" } as const;
  const answer = await withStore(session, config, (store) =>
    withEngine(session, config, store, [], () => carriedOut(session, store, body)),
  );
  const consumers = answer["consumers"] as readonly string[];
  out.print(
    `${asset} is up to date${consumers.length === 0 ? "; nothing waits for it" : ` for ${consumers.join(", ")}`}.`,
  );
  out.document(answer);
  return EXIT.done;
}

function extraOf(text: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as JsonObject;
  } catch {
    // Said below.
  }
  throw new NocturneError({ code: "USAGE", message: `--extra: expected a JSON object, got ${text}` });
}
