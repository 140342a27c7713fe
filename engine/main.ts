import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Logger } from "pino";
import type { App, MailRoute } from "./cli/app.ts";
import { run } from "./cli/run.ts";
import type { Config } from "./config.ts";
import { NocturneError } from "./core/errors.ts";
import type { Prepared } from "./core/prepared.ts";
import type { OperatorHost, TaskMail } from "./core/operator-host.ts";
import type { SubRuns } from "./core/sub-runs.ts";
import type { PostgresClock } from "./runtime/postgres-clock.ts";
import type { Store } from "./store/open.ts";
import type { AnyOperator, Connection, OperatorDescriptor } from "./core/operator.ts";

/** The composition root: the only file that sees every room. Each room is loaded when a command asks for it. */
const app: App = {
  version: versionOf(new URL("../package.json", import.meta.url), new URL("../../package.json", import.meta.url)),

  async operators() {
    const { operatorDescriptors } = await import("../operators/index.ts");
    return operatorDescriptors;
  },

  async openStore(config) {
    const [{ openStore }, { migrate }, { checkRequirements }, { makeMonthsAhead }] = await Promise.all([
      import("./store/open.ts"),
      import("./store/migrate.ts"),
      import("./store/requirements.ts"),
      import("./store/archive/months.ts"),
    ]);
    const embedded = config.databaseUrl === null ? await startEmbedded(config.home) : null;
    try {
      const databaseUrl = config.databaseUrl ?? embedded?.url ?? "";
      const store = await openStore({ databaseUrl, fleet: config.fleet, applicationName: "nocturne" });
      try {
        const problems = embedded === null ? await checkRequirements(store) : [];
        const warnings = problems.filter(({ code }) => code === "DATABASE_UNSAFE");
        if (warnings.length < problems.length) throw new NocturneError(problems);
        await migrate(store);
        // Whoever writes next finds the month's partitions there, however long nobody has kept house.
        await makeMonthsAhead(store);
        const close = async (): Promise<void> => {
          await store.close();
          await embedded?.stop();
        };
        return { store, warnings, close };
      } catch (error) {
        await store.close();
        throw error;
      }
    } catch (error) {
      await embedded?.stop();
      throw error;
    }
  },

  async startEngine(config, store, dags, { plans, time, onMails }) {
    const [{ startEngine }, { prepareTask }, { operatorDescriptors }, { priceOf }, { letGo }, { renderText }, log] =
      await Promise.all([
        import("./runtime/engine.ts"),
        import("./dagfile/prepare.ts"),
        import("../operators/index.ts"),
        import("./core/pricing/price-table.ts"),
        import("../operators/in-process/works.ts"),
        import("./dagfile/render-text.ts"),
        logOf(config),
      ]);
    const operators = new Map(operatorDescriptors.map((descriptor) => [descriptor.type, descriptor]));
    const loaded = new Map<string, Promise<AnyOperator>>();
    const host = { ...hostOf(config), subRuns: await subRunsIn(store) };
    return startEngine({
      store,
      dags,
      plans,
      waitsForDatabase: plans && config.databaseUrl !== null,
      time,
      onMails,
      operators,
      settings: config.engine,
      log,
      operator: (type) => {
        const known = loaded.get(type) ?? load(operators, type, host);
        loaded.set(type, known);
        return known;
      },
      connection: (name, region) => connectionOf(config, name, region),
      letGo,
      prepare: (request) => {
        const { operator, connection } = request.task;
        const descriptor = operators.get(operator);
        if (!descriptor) throw new Error(`no operator ${operator}`);
        if (!config.connections[connection]) return unknownConnection(connection);
        return prepareTask(
          Object.assign({ conf: request.run.conf, local: config.aws === "local", descriptor }, request, request.mapped),
        );
      },
      concurrencyKey: (spec, run, template, vars) => {
        const rendered = renderText(template, { spec, run, conf: run.conf, vars, local: config.aws === "local" });
        if (!rendered.ok) throw new Error(rendered.failure.message);
        return rendered.text;
      },
      readList: async (...list) => (await import("../operators/aws/json-list.ts")).readJsonList(...list),
      priceOf: (usageKind) => priceOf(usageKind, config.prices),
    });
  },

  mailRoute,

  async startAlerter(config, store, { publicUrl, onTrouble }) {
    const [{ startAlerter }, log] = await Promise.all([import("./notify/alerter.ts"), logOf(config)]);
    const delivery = await deliveryOf(config);
    return startAlerter({ store, delivery, publicUrl, local: config.aws === "local", log, onTrouble });
  },

  async startApi(config, store, { isReady, hasEngine, time, ...wish }) {
    const [{ startApi }, { newRunId }, { startPostgresClock }, { openStore }, log] = await Promise.all([
      import("./api/server.ts"),
      import("./runtime/ids.ts"),
      import("./runtime/postgres-clock.ts"),
      import("./store/open.ts"),
      logOf(config),
    ]);
    // Only who sends them knows whether they can leave.
    const isWithout = config.roles.includes("alert") && mailRoute(config).kind === "none";
    const mailTrouble = isWithout ? "SMTP_URL is not set: mails wait" : null;
    const status = async () => ({
      isReady: isReady(),
      needsWriter: hasEngine,
      detail: isReady() ? null : "starting",
      mailTrouble,
    });
    const { writerTtlMs } = config.engine;
    // Connections of its own: a burst of requests and the engine do not wait for each other.
    const own = await openStore({ ...store.settings, applicationName: "nocturne api" });
    let clock: PostgresClock | null = null;
    const close = async (): Promise<void> => {
      await clock?.stop();
      await own.close();
    };
    try {
      clock = await startPostgresClock(own, time);
      const all = { ...wish, now: clock.now, store: own, version: app.version, newRunId, status, log, writerTtlMs };
      const api = await startApi(all);
      return { url: api.url, close: () => api.close().finally(close) };
    } catch (error) {
      await close();
      throw error;
    }
  },

  async archive(store, wish) {
    return (await import("./store/archive/archive.ts")).archiveRuns(store, wish);
  },

  async cleanUp(store) {
    const [{ forgetRequestKeys }, { makeMonthsAhead }] = await Promise.all([
      import("./store/housekeeping.ts"),
      import("./store/archive/months.ts"),
    ]);
    await makeMonthsAhead(store);
    await forgetRequestKeys(store);
  },

  async dropFleet(store) {
    await (await import("./store/migrate.ts")).dropFleet(store);
  },
};

function mailRoute({ smtpUrl, aws, home }: Config): MailRoute {
  if (smtpUrl !== null) return { kind: "smtp" };
  return aws === "local" ? { kind: "inbox", folder: join(home, "inbox") } : { kind: "none" };
}

async function deliveryOf(config: Config) {
  const route = mailRoute(config);
  const from = config.mailFrom;
  if (route.kind === "inbox") return (await import("./notify/inbox.ts")).inboxDelivery({ folder: route.folder, from });
  const { smtpUrl } = config;
  return smtpUrl === null ? null : (await import("./notify/smtp.ts")).smtpDelivery({ smtpUrl, from });
}

/** What commands find in their environment: nothing that could hold a secret. */
const PASSED_ON = ["PATH", "HOME", "LANG", "TZ"];

async function subRunsIn(store: Store): Promise<SubRuns> {
  const [{ subRunsOf }, { newRunId }, { confMistakes }] = await Promise.all([
    import("./store/sub-runs.ts"),
    import("./runtime/ids.ts"),
    import("./dagfile/conf-mistakes.ts"),
  ]);
  return subRunsOf(store, {
    newRunId,
    confMistake: (spec, conf) => confMistakes(spec, conf)[0]?.message ?? null,
  });
}

function hostOf(config: Config): Omit<OperatorHost, "subRuns"> {
  return {
    projectFolder: dirname(config.dagsFolder),
    environment: Object.fromEntries(
      PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ),
    connectionSettings: (name) => config.connections[name]?.settings ?? null,
    maxCommands: config.maxCommands,
    sendMail: (mail) => sendTaskMail(config, mail),
  };
}

/** Over a connection of its own: a task's mail neither waits for alerts nor keeps a process alive. */
async function sendTaskMail(config: Config, mail: TaskMail) {
  return (await import("./notify/task-mail.ts")).taskMail(await deliveryOf(config), mail);
}

const logs = new Map<string, Promise<Logger>>();

/** One log for each home, whoever writes into it. */
function logOf({ home }: Config): Promise<Logger> {
  const open = async (): Promise<Logger> => {
    const { default: pino } = await import("pino");
    return pino({ name: "nocturne" }, pino.destination({ dest: join(home, "engine.log"), mkdir: true, sync: false }));
  };
  const known = logs.get(home) ?? open();
  logs.set(home, known);
  return known;
}

async function load(
  operators: ReadonlyMap<string, OperatorDescriptor>,
  type: string,
  host: OperatorHost,
): Promise<AnyOperator> {
  const descriptor = operators.get(type);
  if (!descriptor) throw new Error(`this version has no operator ${type}`);
  return descriptor.load(host);
}

function unknownConnection(name: string): Prepared {
  const message = `the task uses the connection ${name}, which nocturne.yaml does not name`;
  return { kind: "refused", failure: { class: "permanent", code: "CONFIG_INVALID", message } };
}

function connectionOf(config: Config, name: string, region: string | null): Connection {
  const found = config.connections[name];
  if (!found) throw new NocturneError({ code: "CONFIG_INVALID", message: `nocturne.yaml names no connection ${name}` });
  return region === null ? found : { ...found, region };
}

async function startEmbedded(home: string) {
  const { startPostgres } = await import("./local/embedded-postgres.ts");
  return startPostgres({ home });
}

/** package.json is one folder up in the sources and two in dist/. */
function versionOf(...places: readonly URL[]): string {
  for (const place of places) {
    try {
      const found = JSON.parse(readFileSync(place, "utf8")) as { readonly version: string };
      return found.version;
    } catch {
      continue;
    }
  }
  return "unknown";
}

process.exitCode = await run(app, process.argv.slice(2));
