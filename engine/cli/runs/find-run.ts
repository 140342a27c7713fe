import { NocturneError } from "../../core/errors.ts";
import { loadRun } from "../../store/load.ts";
import type { Store } from "../../store/open.ts";
import { archivedRuns, type ArchivedRun } from "../../store/read-models/archived.ts";
import { listDags } from "../../store/read-models/dags.ts";
import { runDetail, type RunDetail } from "../../store/read-models/run-detail.ts";
import { timeText } from "../text/figures.ts";

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The run of this uuid or run id. Throws RUN_NOT_FOUND, RUN_ARCHIVED, or USAGE when several DAGs have a run of that id and none is named. */
export async function findRun(store: Store, name: string, dagId?: string): Promise<RunDetail> {
  const found = UUID.test(name) ? await byUuid(store, name) : await byRunId(store, name, dagId);
  const [first, second] = found;
  if (first === undefined) {
    const [gone] = await archivedRuns(store, UUID.test(name) ? { runId: name } : { dagRunId: name, dagId });
    if (gone !== undefined) throw archived(gone);
    throw new NocturneError({ code: "RUN_NOT_FOUND", message: `${name}: there is no such run` });
  }
  if (second !== undefined) {
    const dags = found.map(({ run }) => run.dagId).join(", ");
    throw new NocturneError({ code: "USAGE", message: `${name}: ${dags} each have such a run; name one with --dag` });
  }
  return first;
}

function archived({ dagId, dagRunId, state, endedAt, folder }: ArchivedRun): NocturneError {
  const where = folder === null ? "is leaving for the archive" : `has left for ${folder}`;
  const message = `${dagId} ${dagRunId} ended in ${state} at ${timeText(endedAt)} and ${where}`;
  return new NocturneError({ code: "RUN_ARCHIVED", message });
}

async function byUuid(store: Store, runId: string): Promise<RunDetail[]> {
  const rows = await loadRun(store, runId);
  const detail = rows === null ? null : await runDetail(store, rows.run.dagId, rows.run.dagRunId);
  return detail === null ? [] : [detail];
}

async function byRunId(store: Store, dagRunId: string, dagId: string | undefined): Promise<RunDetail[]> {
  const dagIds = dagId === undefined ? (await listDags(store)).map((dag) => dag.dagId) : [dagId];
  const details = await Promise.all(dagIds.map((each) => runDetail(store, each, dagRunId)));
  return details.filter((detail) => detail !== null);
}
