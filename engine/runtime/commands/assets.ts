import type { DecisionContext } from "../../core/machine/events.ts";
import type { World } from "../../core/machine/world.ts";
import type { CommandBody, CommandResult } from "../../core/commands.ts";
import { nearest } from "../../core/similar.ts";

/** Somebody outside says that an asset is up to date. A name that no DAG uses is a mistake: nobody would ever hear of it. */
export function emitAsset(
  world: World,
  { asset, extra, by }: Extract<CommandBody, { readonly kind: "emit_asset" }>,
  { now }: DecisionContext,
): CommandResult {
  const { assets } = world.planner;
  if (!assets.isKnown(asset)) {
    const near = nearest(asset, [...assets.names()]);
    const hint = near === undefined ? "" : `; did you mean ${near}?`;
    return { ok: false, code: "ASSET_NOT_FOUND", message: `no DAG produces or waits for the asset ${asset}${hint}` };
  }
  const consumers = assets.happened({ asset, at: now, source: null, by, extra });
  return { ok: true, value: { asset, at: new Date(now).toISOString(), consumers } };
}
