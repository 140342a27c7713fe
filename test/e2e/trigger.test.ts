import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { HomeProject } from "./home-project.ts";
import { expectOneJobPerKey, until } from "./project.ts";
import type { RunningSystem } from "./running-system.ts";

const SALES = "nightly_store_sales";
/** Word for word what the official Python client sends. */
const CLIENTS_BODY = '{"conf":{},"logical_date":null}';
const STEPS = `dag: steps
params:
  rows: { type: integer, default: 3, minimum: 1 }
tasks:
  extract: { operator: noop }
  load: { operator: noop, depends_on: [extract] }
`;
const MINUTES = 180_000;

interface Answer {
  readonly dag_run_id: string;
  readonly state: string;
  readonly data_interval_start: string;
}

let project: HomeProject;

beforeEach(() => {
  // Its first night of its own is later than all that happens here.
  project = new HomeProject((yaml) => yaml.replace("start_date: 2026-01-01", "start_date: 2026-03-02"));
  project.configure();
  project.writeDag("steps", STEPS);
});
afterEach(() => project.close());

function trigger(system: RunningSystem, dagId: string, body: string, token: string, key?: string): Promise<Response> {
  const headers: Record<string, string> = key === undefined ? {} : { "idempotency-key": key };
  return system.ask(`/api/v2/dags/${dagId}/dagRuns`, { method: "POST", body, headers }, token);
}

/** Waits until the DAG's one run has ended, and answers it. */
async function onlyRun(system: RunningSystem, dagId: string): Promise<{ dag_run_id: string; state: string }> {
  const isOver = ({ state }: { state: string }): boolean => state === "success" || state === "failed";
  const ended = async () => {
    const runs = await system.runs(dagId);
    return runs.length > 0 && runs.every(isOver) ? runs : null;
  };
  const runs = await until(`the end of ${dagId}`, ended, MINUTES);
  expect(runs).toHaveLength(1);
  return runs[0] ?? { dag_run_id: "", state: "none" };
}

describe("a trigger over HTTP", () => {
  test("that was answered is carried out, once, though the system is killed right after its answer", async () => {
    const first = await project.up("--time-from", "2026-03-02T12:00:00Z");
    await project.upload(1);
    const token = await first.makeToken();
    const answer = await trigger(first, SALES, CLIENTS_BODY, token);
    const asked = (await answer.json()) as Answer;
    await first.stop("SIGKILL");
    expect([answer.status, asked.data_interval_start]).toEqual([200, "2026-03-01T07:00:00.000Z"]);

    const second = await project.up();
    expect(await onlyRun(second, SALES)).toMatchObject({ dag_run_id: asked.dag_run_id, state: "success" });
    expectOneJobPerKey(await project.remoteRuns());
    expect((await second.stop()).code).toBe(0);
  });

  test("with one Idempotency-Key is one run, also when the system was killed in between", async () => {
    const first = await project.up();
    const token = await first.makeToken();
    const ask = async (system: RunningSystem): Promise<Answer> => {
      const answer = await trigger(system, "steps", CLIENTS_BODY, token, "nightly-2026-03-01");
      expect(answer.status, await answer.clone().text()).toBe(200);
      return (await answer.json()) as Answer;
    };
    const answers = await Promise.all([ask(first), ask(first)]);
    await first.stop("SIGKILL");
    const second = await project.up();
    answers.push(await ask(second));
    const run = await onlyRun(second, "steps");
    answers.push(await ask(second));
    expect(run.state).toBe("success");
    expect(answers.map(({ dag_run_id }) => dag_run_id)).toEqual(Array(4).fill(run.dag_run_id));
    expect(await second.runs("steps")).toHaveLength(1);
    const other = await trigger(second, "steps", '{"conf":{"rows":9}}', token, "nightly-2026-03-01");
    expect(other.status).toBe(422);
    expect((await second.stop()).code).toBe(0);
  });

  test("is accepted while no writer lives, and carried out by the next one", async () => {
    project.configure({ engine: { writer_ttl: "1h" } });
    const writer = await project.up();
    const token = await writer.makeToken();
    await writer.stop("SIGKILL");
    // The dead writer's row is valid for most of an hour: nobody may write meanwhile.
    const system = await project.up();
    expect(system.ready.stands_by).toBe(true);
    const answer = await trigger(system, "steps", CLIENTS_BODY, token);
    expect(answer.status).toBe(200);
    expect(await answer.json()).toMatchObject({ state: "queued" });
    expect(await system.runs("steps")).toMatchObject([{ state: "queued" }]);
    expect(await project.rows("SELECT FROM command WHERE state = 'pending'")).toHaveLength(1);

    await project.rows("UPDATE writer SET expires_at = clock_timestamp()");
    await system.says(/this process writes now/);
    expect(await onlyRun(system, "steps")).toMatchObject({ state: "success" });
    expect((await system.stop()).code).toBe(0);
  });

  test("is refused in words that help, and nothing of a refused one is kept", async () => {
    const system = await project.up();
    const made = await project.run("tokens", "create", "--role", "admin", "--json");
    const { token, id, role } = JSON.parse(made.stdout) as { token: string; id: string; role: string };
    expect([role, token]).toEqual(["admin", expect.stringMatching(/^nct_/)]);
    const detail = async (body: string, used = token, dagId = "steps"): Promise<[number, string]> => {
      const answer = await trigger(system, dagId, body, used);
      return [answer.status, JSON.stringify(((await answer.json()) as { detail: unknown }).detail)];
    };
    expect(await detail("{")).toEqual([400, expect.stringContaining("JSON")]);
    expect(await detail('{"conf":{"rows":0}}')).toEqual([422, expect.stringContaining("rows")]);
    expect(await detail('{"conf":{"row":1}}')).toEqual([422, expect.stringContaining("did you mean rows")]);
    expect(await detail('{"config":{}}')).toEqual([422, expect.stringContaining("config")]);
    expect(await detail("{}", token, "nothing")).toEqual([404, expect.stringContaining("nothing")]);
    expect(await detail("{}", "")).toEqual([401, expect.stringContaining("token")]);
    expect(await detail("{}", "nct_mine")).toEqual([401, expect.stringContaining("not known")]);
    expect((await system.ask("/api/v2/dags", {}, "")).status).toBe(401);
    expect((await system.ask("/api/v2/monitor/health", {}, "")).status).toBe(200);

    expect((await system.ask("/api/v2/dags", {}, token)).status).toBe(200);
    expect((await project.run("tokens", "revoke", id)).code).toBe(0);
    expect(await detail("{}")).toEqual([401, expect.stringContaining("revoked")]);
    expect(await project.rows("SELECT FROM run_key WHERE dag_id = 'steps'")).toEqual([]);
    expect((await system.stop()).code).toBe(0);
  });
});
