import { copyFileSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { localAwsSettings } from "../../engine/config.ts";
import { dagFile } from "./dag-file.ts";
import type { Plan } from "./plan.ts";

const ROOT = resolve(import.meta.dirname, "../..");

/** Fails when it is told to: the text it is given is no number then. */
const ONE_ROW = `-- param: told
-- output: answer
CREATE OR REPLACE TEMP VIEW answer AS SELECT CAST(told AS INTEGER) AS told FROM params;
`;

/** The project of a seed in a folder of its own: its DAGs, its configuration with short waits, and its plan for people. */
export function makeFolder(
  plan: Plan,
  to: { readonly databaseUrl: string; readonly fleet: string; readonly awsUrl: string },
): string {
  const folder = mkdtempSync(join(tmpdir(), `nocturne-chaos-${plan.seed}-`));
  mkdirSync(join(folder, "dags"));
  for (const dag of [plan.main, plan.child]) {
    if (dag) writeFileSync(join(folder, "dags", `${dag.id}.yaml`), dagFile(plan, dag));
  }
  copyFileSync(join(ROOT, "deploy/spark/run_sql.py"), join(folder, "run_sql.py"));
  writeFileSync(join(folder, "one_row.sql"), ONE_ROW);
  writeFileSync(join(folder, "nocturne.yaml"), JSON.stringify(configOf(to), null, 2));
  writeFileSync(join(folder, "plan.json"), JSON.stringify(plan, null, 2));
  return folder;
}

/** A machine that many share needs longer for everything: NOCTURNE_CHAOS_PATIENCE=4 gives it four times as long. */
export const PATIENCE = Number(process.env["NOCTURNE_CHAOS_PATIENCE"] ?? 1);
const patient = (ms: number): string => `${Math.round(ms * PATIENCE)}ms`;

function configOf({ databaseUrl, fleet, awsUrl }: Parameters<typeof makeFolder>[1]): object {
  return {
    database_url: databaseUrl,
    fleet,
    home: "home",
    engine: {
      writer_ttl: patient(1_000),
      writer_renew: patient(300),
      send_window: patient(1_000),
      request_limit: patient(500),
      visibility: patient(200),
      search_again: patient(2_000),
      poll_min: "25ms",
      poll_max: patient(250),
    },
    connections: { default: { region: "us-east-1", ...localAwsSettings(awsUrl) } },
  };
}
