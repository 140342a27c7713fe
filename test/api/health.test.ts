import { describe, expect, it } from "vitest";
import { replaceImportErrors } from "../../engine/store/import-errors.ts";
import { expire } from "../store/fleet.ts";
import { publication, serviceOfThisFile } from "./service.ts";

const service = serviceOfThisFile([publication("nightly")], { writerTtlMs: 60_000 });
const health = () => service.call("GET", "/api/v2/monitor/health", { token: null });

describe("health", () => {
  it("is open, and 200 in Airflow's words when everything is read and a writer lives", async () => {
    const before = Date.now();
    const { status, body } = await health();
    expect(status).toBe(200);
    expect(body).toMatchObject({
      metadatabase: { status: "healthy" },
      scheduler: { status: "healthy" },
      dag_processor: { status: "healthy" },
      triggerer: { status: null },
      ready: true,
      writer: { is_held: true },
      commands: { pending: 0 },
      mail: { pending: 0, trouble: null },
      dags: { import_errors: 0 },
    });
    const { latest_scheduler_heartbeat: beat } = body["scheduler"] as { latest_scheduler_heartbeat: string };
    expect(Math.abs(Date.parse(beat) - before)).toBeLessThan(60_000);
  });

  it("is 503 until every DAG has been read, and says what it waits for", async () => {
    service.status = { isReady: false, detail: "reading DAGs" };
    expect(await health()).toMatchObject({ status: 503, body: { ready: false, detail: "reading DAGs" } });
    service.status = { isReady: true };
    expect((await health()).status).toBe(200);
  });

  it("counts what waits: commands, mails and by which code, broken files; it is open, so no server's words", async () => {
    await service.trigger("nightly", {});
    await service.store.pool.query(
      `INSERT INTO outbox (message_id, kind, receiver, payload, next_try_at, last_code, last_error)
       VALUES ('a@nocturne', 'run_failed', 'a@example.com', '{}', clock_timestamp(), 'MAIL_LOGIN',
               'smtp://mail.internal:587: 535 no such user ana@example.com')`,
    );
    await replaceImportErrors(service.store, [
      { file: "dags/a.yaml", problems: [{ code: "DAG_YAML", message: "a colon is missing" }] },
    ]);
    expect(await health()).toMatchObject({
      status: 200,
      body: {
        commands: { pending: 1 },
        mail: { pending: 1, trouble: "MAIL_LOGIN" },
        dags: { import_errors: 1 },
      },
    });
    service.status = { isReady: true, mailTrouble: "SMTP_URL is not set" };
    expect((await health()).body["mail"]).toEqual({ pending: 1, trouble: "SMTP_URL is not set" });
  });

  it("is 503 while nobody writes", async () => {
    await expire(service.store);
    expect(await health()).toMatchObject({
      status: 503,
      body: { ready: false, scheduler: { status: "unhealthy" }, writer: { is_held: false } },
    });
  });

  it("of a process that only serves is 200 while nobody writes, and says so", async () => {
    await expire(service.store);
    service.status = { isReady: true, needsWriter: false };
    expect(await health()).toMatchObject({
      status: 200,
      body: { ready: true, scheduler: { status: "unhealthy" }, writer: { is_held: false } },
    });
  });
});
