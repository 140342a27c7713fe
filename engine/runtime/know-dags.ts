import type { World } from "../core/machine/world.ts";
import { loadVersions } from "../store/load.ts";
import type { Store } from "../store/open.ts";

/** Reads the newest versions of these DAGs, where memory does not have them: asked before anything is decided about them. */
export async function knowDags(store: Store, world: World, dagIds: readonly string[]): Promise<void> {
  const versionIds = world.known.unread(dagIds);
  if (versionIds.length > 0) world.known.take(await loadVersions(store, versionIds));
}
