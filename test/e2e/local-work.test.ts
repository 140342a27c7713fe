import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startPostgres, type EmbeddedPostgres } from "../../engine/local/embedded-postgres.ts";
import { HomeProject } from "./home-project.ts";

const project = new HomeProject();
let server: Server;
let shop: EmbeddedPostgres;
const told: string[] = [];

beforeAll(async () => {
  server = createServer((request, response) => {
    request.on("data", (chunk: Buffer) => told.push(chunk.toString("utf8")));
    request.on("end", () => response.writeHead(202, { "Content-Type": "application/json" }).end('{"taken": true}'));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  shop = await startPostgres({ home: join(project.folder, "shop") });
  project.configure();
});
afterAll(async () => {
  server.close();
  await shop.stop();
  await project.close();
});

test("a night of work on this machine: a command counts, a database keeps, a server and people are told", async () => {
  const { port } = server.address() as AddressInfo;
  const config = join(project.folder, "nocturne.yaml");
  const settings = JSON.parse(readFileSync(config, "utf8")) as object;
  const connections = { shop: { postgres: { url: shop.url } } };
  writeFileSync(config, JSON.stringify({ ...settings, connections }));
  mkdirSync(join(project.folder, "sql"), { recursive: true });
  writeFileSync(
    join(project.folder, "sql/keep.sql"),
    "CREATE TABLE nights (day date, files int); INSERT INTO nights VALUES ('2026-03-01', 2); SELECT * FROM nights",
  );
  project.writeDag(
    "local_work",
    `
dag: local_work
start_date: 2026-03-01
schedule: { cron: "0 2 * * *", timezone: UTC }
tasks:
  count:
    operator: shell.run
    with: { command: 'ls sql/keep.sql dags/local_work.yaml | wc -l | sed "s/ //g; s/.*/{\\"files\\": &}/"' }
  keep:
    operator: sql.postgres
    depends_on: [count]
    with: { connection: shop, file: sql/keep.sql }
  tell:
    operator: http.request
    depends_on: [keep]
    with:
      url: http://127.0.0.1:${port}/nights
      method: POST
      json: { day: "{{ ds }}", files: "{{ tasks.count.output.files }}", kept: "{{ tasks.keep.output.rows[0].day }}" }
  mail:
    operator: email.send
    depends_on: [tell, count]
    with: { to: [ana@example.com], subject: "Night of {{ ds }}", text: "{{ tasks.tell.output.status }}" }
`,
  );
  const tested = await project.run("dags", "test", "local_work", "--date", "2026-03-01");
  expect(tested.stderr + tested.stdout).toContain("success");
  expect(tested.code).toBe(0);
  expect(told.map((body) => JSON.parse(body) as unknown)).toEqual([
    { day: "2026-03-01", files: 2, kept: "2026-03-01" },
  ]);
  const inbox = join(project.home, "inbox");
  const [mail = ""] = readdirSync(inbox).map((name) => readFileSync(join(inbox, name), "utf8"));
  expect(mail).toMatch(/Subject: Night of 2026-03-01[\s\S]*202/);
});
