import type { LoadedWorld } from "../../engine/core/flush-batch.ts";

/** What a process reads from a database with nothing in it. */
export const NOTHING_LOADED: LoadedWorld = {
  installationId: "installation",
  versions: [],
  currentVersion: {},
  dags: [],
  deadlines: [],
  booked: [],
  pools: {},
  backfills: [],
  runs: [],
  tasks: [],
  attempts: [],
  outputs: [],
  expansions: [],
  assetQueue: [],
  variables: [],
  dagTasks: [],
};
