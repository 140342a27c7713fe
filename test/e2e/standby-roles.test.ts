import { existsSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { until } from "./project.ts";
import { RunningSystem } from "./running-system.ts";
import { StandbyProject } from "./standby-project.ts";

let project: StandbyProject;

const BROKEN = `dag: broken
notify: [{ email: [oncall@example.com], on: [run_failed] }]
tasks:
  first: { operator: noop }
  second:
    operator: shell.run
    with: { command: "exit 3" }
    depends_on: [first]
`;

beforeEach(() => {
  project = new StandbyProject();
  project.writeDag("broken", BROKEN);
});
afterEach(() => project.close());

const role = (...args: string[]): Promise<RunningSystem> => RunningSystem.start(project, ...args);
const inbox = (): string[] => {
  const folder = join(project.home, "inbox");
  return existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith(".eml")) : [];
};
const trigger = (api: RunningSystem): Promise<Response> =>
  api.ask("/api/v2/dags/broken/dagRuns", { method: "POST", body: '{"conf":{},"logical_date":null}' });
const health = async (api: RunningSystem) => {
  const answer = await fetch(`${api.ready.url}/api/v2/monitor/health`);
  return { status: answer.status, ...((await answer.json()) as { scheduler: object; ready: boolean }) };
};

/** What a process listens on, as the kernel says. */
function listens(system: RunningSystem): boolean {
  const pid = system.child.pid ?? 0;
  const sockets = readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
    } catch {
      return [];
    }
  });
  const table = ["tcp", "tcp6"].map((name) => readFileSync(`/proc/${pid}/net/${name}`, "utf8")).join("\n");
  const listening = table
    .split("\n")
    .map((line) => line.trim().split(/\s+/))
    .filter((cells) => cells[3] === "0A");
  return listening.some((cells) => sockets.includes(cells[9] ?? ""));
}

describe("roles", () => {
  test("in processes of their own run a triggered DAG together and send its one mail; only the API opens a port", async () => {
    const engine = await role("--roles", "engine");
    const api = await role("--roles", "api");
    const mails = [await role("--roles", "alert"), await role("--roles", "alert")];
    expect([engine, api, ...mails].map(({ ready }) => ready.roles)).toEqual([
      ["engine"],
      ["api"],
      ["alert"],
      ["alert"],
    ]);
    expect([engine, ...mails].map(({ ready }) => ready.url)).toEqual([null, null, null]);
    expect([engine, api, ...mails].map(listens)).toEqual([false, true, false, false]);
    const asked = await trigger(api);
    expect(asked.status, await asked.clone().text()).toBe(200);
    await until("the end of the run", async () => (await api.runs("broken")).some(({ state }) => state === "failed"));
    await until("the mail", () => inbox().length > 0);
    await until("the outbox", async () => {
      const rows = await project.rows<{ state: string }>("SELECT state FROM outbox");
      return rows.length === 1 && rows[0]?.state === "sent";
    });
    expect(inbox()).toHaveLength(1);
    for (const each of [engine, api, ...mails]) {
      const stopped = await each.stop();
      expect(stopped.code, stopped.stderr).toBe(0);
    }
  });

  test("the API answers a trigger with 200 while no engine lives; one that starts carries it out (rule 31)", async () => {
    const first = await role("--roles", "engine");
    const api = await role("--roles", "api");
    await first.stop("SIGKILL");
    await until("an API that knows of no writer", async () => {
      const { status, ready, scheduler } = await health(api);
      expect([status, ready]).toEqual([200, true]);
      return (scheduler as { status: string }).status === "unhealthy";
    });
    const asked = await trigger(api);
    expect(asked.status, await asked.clone().text()).toBe(200);
    expect(await api.runs("broken")).toMatchObject([{ state: "queued" }]);
    const second = await role("--roles", "engine,alert");
    await until("the end of the run", async () => (await api.runs("broken")).some(({ state }) => state === "failed"));
    expect(await api.runs("broken")).toHaveLength(1);
    await until("the mail", () => inbox().length === 1);
    for (const each of [api, second]) expect((await each.stop()).code).toBe(0);
  });
});
