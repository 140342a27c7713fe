import { afterEach, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { partOf, smtpError, startMailServer, type Answer, type ArrivedMail } from "../notify/mail-server.ts";
import { HomeProject } from "./home-project.ts";
import { expectOneJobPerKey, until } from "./project.ts";
import type { RunningSystem } from "./running-system.ts";

const SALES = "nightly_store_sales";
/** An hour of the clock is a second. A start takes some hours: a deadline that passes before its DAG is known is not told. */
const SCALE = ["--time-scale", "3600", "--time-from"];
const MINUTES = 180_000;

/** One night, due at 02:00 and wanted by 06:00, whose file never comes. */
const LATE = `dag: late
schedule: { cron: "0 2 * * *", timezone: UTC, catchup: 300d }
start_date: 2026-03-01
end_date: 2026-03-01
sla: [{ name: ready_for_stores, finish_by: "06:00" }]
notify: [{ email: [oncall@example.com], on: [sla_missed] }]
tasks:
  wait_for_files:
    operator: s3.wait
    with: { uri: "s3://nocturne-artifacts/never" }
    timeout: 300d
`;

interface Owed {
  readonly message_id: string;
  readonly kind: string;
  readonly state: string;
  readonly tries: number;
}

let project: HomeProject;

beforeEach(() => {
  project = new HomeProject(oneNight);
});
afterEach(() => project.close());

/** The shipped DAG for one night, patient enough for a clock that runs away from the machine's work. */
const oneNight = (yaml: string): string =>
  yaml
    .replace(/timeout: (2h|3h)/g, "timeout: 300d")
    .replace("idle_timeout: 15m", "idle_timeout: 150h")
    .replace("per_run: 25 USD", "per_run: 100000 USD")
    .replace("catchup: 2d", "catchup: 300d")
    .replace("start_date: 2026-01-01", "start_date: 2026-03-01\nend_date: 2026-03-01");

const mails = (): Promise<Owed[]> =>
  project.rows<Owed>("SELECT message_id, kind, state, tries FROM outbox ORDER BY created_at");
const misses = (): Promise<object[]> =>
  project.rows("SELECT dag_id, rule FROM deadline WHERE state = 'missed' ORDER BY due_at");
const mailIds = (arrived: readonly ArrivedMail[]): (string | undefined)[] => [
  ...new Set(arrived.map(({ headers }) => headers.get("message-id"))),
];

async function serveMail(settings: Parameters<typeof startMailServer>[0] = {}) {
  const server = await startMailServer(settings);
  onTestFinished(() => server.close());
  return server;
}

/** A port that nobody listens on: the mail server of the settings is away, until a test starts one there. */
async function freePort(): Promise<number> {
  const server = await startMailServer();
  await server.close();
  return server.port;
}

/** The late night alone, with its mails going to `smtpUrl`. */
function lateNight(smtpUrl: string, dag = LATE): Promise<RunningSystem> {
  project.configure({ smtp_url: smtpUrl });
  project.writeDag(SALES, dag);
  return project.up(...SCALE, "2026-03-01T18:00:00Z");
}

/** Waits until the outbox has one mail, and that one is as asked for. */
const oneMail = (what: string, isSo: (mail: Owed) => boolean): Promise<Owed> =>
  until(
    what,
    async () => {
      const [mail] = await mails();
      return mail && isSo(mail) ? mail : null;
    },
    MINUTES,
  );

const isOfSecond = (raw: string): boolean => partOf(raw, "text/plain").includes("2026-03-02 06:00 UTC");

/** One miss, one mail for it, sent, and nothing else under another Message-ID. */
async function expectOneMiss(arrived: readonly ArrivedMail[]): Promise<void> {
  const sent = await oneMail("the mail to be sent", ({ state }) => state === "sent");
  expect(mailIds(arrived)).toEqual([`<${sent.message_id}>`]);
  expect(await mails()).toHaveLength(1);
  expect(await misses()).toEqual([{ dag_id: "late", rule: "ready_for_stores" }]);
}

describe("a deadline that passes", () => {
  test("is told in one mail while the night waits, and in no other when the night ends late and green", async () => {
    const server = await serveMail();
    project.configure({ smtp_url: server.url });
    const system = await project.up(...SCALE, "2026-03-01T23:00:00Z");
    const missing = "raw/sales/dt=2026-03-01/_SUCCESS";
    await project.upload(1, (key, body) => (key === missing ? null : body));
    await until("the mail", () => server.arrived.length > 0, MINUTES);
    const [mail] = server.arrived;
    expect(mail?.to).toEqual(["data-oncall@example.com"]);
    expect(Object.fromEntries(mail?.headers ?? [])).toMatchObject({
      "message-id": expect.stringMatching(/^<[0-9a-f]{40}@nocturne>$/) as string,
      "x-nocturne-kind": "sla_missed",
      "x-nocturne-dag": SALES,
    });
    const text = partOf(mail?.raw ?? "", "text/plain");
    expect(text).toContain("2026-03-02 06:00 America/New_York");
    expect(text).toContain("wait_for_files (running)");

    await project.put(missing, new Uint8Array());
    const isOver = ({ state }: { state: string }): boolean => state === "success" || state === "failed";
    await until("the end of the night", async () => (await system.runs(SALES)).some(isOver), MINUTES);
    expect(await system.runs(SALES)).toMatchObject([{ run_type: "scheduled", state: "success" }]);
    expectOneJobPerKey(await project.remoteRuns());
    expect((await system.stop()).code).toBe(0);
    expect(server.arrived).toHaveLength(1);
    expect(await mails()).toMatchObject([{ kind: "sla_missed", state: "sent", tries: 1 }]);
    expect(await misses()).toEqual([{ dag_id: SALES, rule: "ready_for_stores" }]);
  });

  test("is missed by a night that never started, too", async () => {
    const server = await serveMail();
    // The night before waits for its file, and only one may run.
    const twoNights = LATE.replace("start_date: 2026-03-01", "start_date: 2026-02-28\nmax_active_runs: 1");
    const system = await lateNight(server.url, twoNights);
    await until("the mail", () => server.arrived.some(({ raw }) => isOfSecond(raw)), MINUTES);
    const told = server.arrived.filter(({ raw }) => isOfSecond(raw));
    expect(told.map(({ raw }) => partOf(raw, "text/plain"))).toEqual([
      expect.stringContaining("The run has not started."),
    ]);
    expect((await system.runs("late")).map(({ state }) => state).sort()).toEqual(["queued", "running"]);
    expect((await system.stop()).code).toBe(0);
  });

  test("waits with its mail for a server that is away, and says when mails go out again", async () => {
    const port = await freePort();
    const system = await lateNight(`smtp://127.0.0.1:${port}`);
    await system.says(/MAIL_UNREACHABLE/);
    const server = await serveMail({ port });
    await expectOneMiss(server.arrived);
    await system.says(/mails go out again/);
    const health = await system.get<{ mail: object }>("/api/v2/monitor/health");
    expect(health.mail).toMatchObject({ pending: 0 });
    expect((await system.stop()).code).toBe(0);
    expect(server.arrived).toHaveLength(1);
  });

  test("while the mail server is away and Nocturne is killed is one miss, and one mail once both are back", async () => {
    const port = await freePort();
    const first = await lateNight(`smtp://127.0.0.1:${port}`);
    await oneMail("a try in vain", ({ state, tries }) => state === "pending" && tries > 0);
    await first.says(/MAIL_UNREACHABLE/);
    const health = await first.get<{ mail: object }>("/api/v2/monitor/health");
    expect(health.mail).toMatchObject({ pending: 1, trouble: expect.stringContaining("MAIL_UNREACHABLE") as string });
    await first.stop("SIGKILL");
    expect(await misses()).toHaveLength(1);

    const server = await serveMail({ port });
    const second = await project.up();
    await expectOneMiss(server.arrived);
    expect((await second.stop()).code).toBe(0);
    expect(server.arrived).toHaveLength(1);
  });

  test("is told once although Nocturne was killed before it knew of the server's answer", async () => {
    let system: RunningSystem | null = null;
    const answer = (): Answer => {
      if (system === null) return undefined;
      system.child.kill("SIGKILL");
      return "hang up";
    };
    const server = await serveMail({ answer });
    const first = (system = await lateNight(server.url));
    await first.child.finished;
    system = null;
    expect(await mails()).toMatchObject([{ state: "pending", tries: 1 }]);
    expect(await misses()).toHaveLength(1);

    // The dead process holds the mail for two minutes: they pass.
    await project.rows("UPDATE outbox SET next_try_at = clock_timestamp()");
    const second = await project.up();
    await expectOneMiss(server.arrived);
    expect(server.arrived).toHaveLength(2);
    expect((await second.stop()).code).toBe(0);
  });

  test("is told once when the server puts the mail off with 451 and Nocturne is killed meanwhile", async () => {
    let isBusy = true;
    const server = await serveMail({ answer: () => (isBusy ? { code: 451, text: "4.3.2 later" } : undefined) });
    const first = await lateNight(server.url);
    await oneMail("the 451", ({ state, tries }) => state === "pending" && tries > 0);
    await first.says(/mails wait: .*4\.3\.2 later/);
    await first.stop("SIGKILL");
    isBusy = false;

    // Half a minute and more is between the tries: it passes.
    await project.rows("UPDATE outbox SET next_try_at = clock_timestamp()");
    const second = await project.up();
    await expectOneMiss(server.arrived);
    expect(server.arrived.length).toBeGreaterThan(1);
    expect((await second.stop()).code).toBe(0);
  });

  test("is not told again to a server that refused the mail for good, and the mail says so", async () => {
    const server = await serveMail({ answer: () => ({ code: 550, text: "5.7.1 not wanted" }) });
    const system = await lateNight(server.url);
    await oneMail("the refusal", ({ state }) => state === "failed");
    const list = await project.run("mails", "list", "--json");
    expect((JSON.parse(list.stdout) as { mails: object[] }).mails).toMatchObject([
      { state: "failed", tries: 1, last_code: "MAIL_REFUSED", last_error: expect.stringContaining("5.7.1") as string },
    ]);
    expect((await system.stop()).code).toBe(0);
    expect(server.arrived).toHaveLength(1);
  });

  test("waits where the server does not take the login, which is said without the password", async () => {
    const server = await serveMail({
      options: {
        authOptional: false,
        allowInsecureAuth: true,
        onAuth: (_auth, _session, done) => done(smtpError(535, "5.7.8 who are you?")),
      },
    });
    const system = await lateNight(server.url.replace("smtp://", "smtp://night:s3cret@"));
    await system.says(/MAIL_LOGIN/);
    const health = await system.get<{ mail: object }>("/api/v2/monitor/health");
    expect(health.mail).toMatchObject({ pending: 1, trouble: expect.stringContaining("MAIL_LOGIN") as string });
    expect(await mails()).toMatchObject([{ state: "pending" }]);
    const stopped = await system.stop();
    expect(stopped.code).toBe(0);
    expect(`${stopped.stdout}${stopped.stderr}${JSON.stringify(health)}`).not.toContain("s3cret");
    expect(server.arrived).toEqual([]);
  });
});

test("a run that fails is told with the failure's text, the job's last log lines and a link to the run", async () => {
  const server = await serveMail();
  project.configure({ smtp_url: server.url });
  project.writeDag(SALES, BROKEN);
  const system = await project.up();
  const triggered = await system.ask("/api/v2/dags/broken/dagRuns", { method: "POST", body: "{}" });
  expect(triggered.status).toBe(200);
  await until("the mail", () => server.arrived.length > 0, MINUTES);
  const [mail] = server.arrived;
  expect(mail?.headers.get("x-nocturne-kind")).toBe("run_failed");
  expect(mail?.headers.get("subject")).toMatch(/^\[LOCAL\] broken failed: clean: JOB_FAILED/);
  const text = partOf(mail?.raw ?? "", "text/plain");
  expect(text).toContain("Task clean, try 1");
  expect(text).toMatch(/Error: +JOB_FAILED {2}.*late_days/);
  expect(text).toMatch(/Its last log lines:\s+\|.*late_days/);
  const link = new RegExp(`${system.ready.url}(/\\S+)`).exec(text)?.[1] ?? "";
  expect(await system.get(link)).toMatchObject({ dag_id: "broken", state: "failed" });
  expect((await system.stop()).code).toBe(0);
  expect(server.arrived).toHaveLength(1);
});

/** Its SQL declares a param that it is not given. */
const BROKEN = `dag: broken
defaults: { retries: 0 }
notify: [{ email: [oncall@example.com], on: [run_failed] }]
tasks:
  clean:
    operator: glue.job
    with:
      job: nocturne-broken
      script: deploy/spark/run_sql.py
      worker_type: G.1X
      workers: 2
      files: { sql: sql/jobs/aggregate_sales.sql }
      arguments:
        input.curated: "s3://nocturne-artifacts/nothing/?format=parquet"
        output.store_sales: "s3://nocturne-artifacts/mart/?format=parquet&files=1"
        param.ds: "2026-03-01"
        param.run_id: "{{ run_id }}"
`;
