import { describe, expect, it } from "vitest";
import { startApi } from "../../engine/api/server.ts";
import type { Command, CommandResult } from "../../engine/core/commands.ts";
import { pendingCommands } from "../../engine/store/inbox.ts";
import { untilSo } from "../setup/until.ts";
import { options, publication, serviceOfThisFile } from "./service.ts";

const service = serviceOfThisFile([publication("nightly")]);
const pause = (isPaused: unknown, path = "/api/v2/dags/nightly", url = service.url) =>
  service.call("PATCH", path, { body: { is_paused: isPaused }, url });

/** What the writer does with the next wish: its changes and its result in one flush. */
async function writerApplies(result: CommandResult): Promise<Command> {
  let command: Command | undefined;
  await untilSo(async () => {
    [command] = await pendingCommands(service.store);
    return command !== undefined;
  });
  if (!command || command.body.kind !== "pause_dag") throw new Error("no wish to pause");
  await service.store.pool.query("UPDATE dag SET is_paused = $1 WHERE dag_id = $2", [
    command.body.isPaused,
    command.body.dagId,
  ]);
  await service.writer.write({ commandsApplied: [{ id: command.id, result }] });
  return command;
}

describe("rule 30: pausing a DAG", () => {
  it("is a wish that the writer carries out; the answer is the DAG as it is then", async () => {
    for (const isPaused of [true, false]) {
      const [answer, command] = await Promise.all([
        pause(isPaused, "/api/v2/dags/nightly?update_mask=is_paused"),
        writerApplies({ ok: true, value: {} }),
      ]);
      expect(answer).toMatchObject({ status: 200, body: { dag_id: "nightly", is_paused: isPaused } });
      expect(command.body).toMatchObject({ kind: "pause_dag", dagId: "nightly", isPaused });
      expect(command.body.by).toMatch(/^rest_api:tok_/);
    }
  });

  it("that nobody takes up in time is withdrawn: 503, and nothing was done", async () => {
    const server = await startApi(options(service.store, { commandTimeoutMs: 100 }));
    const answer = await pause(true, undefined, server.url);
    expect(answer).toMatchObject({ status: 503, body: { code: "UNAVAILABLE" } });
    expect(answer.body["detail"]).toContain("nothing was done");
    expect(answer.headers.has("retry-after")).toBe(true);
    expect(await pendingCommands(service.store)).toEqual([]);
    await server.close();
  });

  it("that the writer refuses says why", async () => {
    const [answer] = await Promise.all([
      pause(true),
      writerApplies({ ok: false, code: "DAG_NOT_FOUND", message: "there is no DAG nightly" }),
    ]);
    expect(answer).toMatchObject({ status: 404, body: { code: "DAG_NOT_FOUND", detail: "there is no DAG nightly" } });
  });

  it("is refused before it becomes a wish when it makes no sense", async () => {
    expect((await pause("yes")).status).toBe(422);
    expect((await pause(undefined)).status).toBe(422);
    expect((await pause(true, "/api/v2/dags/nothing")).status).toBe(404);
    expect((await service.call("PATCH", "/api/v2/dags/nightly", { body: { is_paused: true, tags: [] } })).status).toBe(
      422,
    );
    expect((await pause(true, "/api/v2/dags/nightly?update_mask=tags")).status).toBe(422);
    expect(await pendingCommands(service.store)).toEqual([]);
  });
});
