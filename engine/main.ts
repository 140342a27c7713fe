import { readFileSync } from "node:fs";
import type { App } from "./cli/app.ts";
import { run } from "./cli/run.ts";
import type { Config } from "./config.ts";
import { NocturneError } from "./core/errors.ts";
import type { Prepared } from "./runtime/deps.ts";
import type { AnyOperator, Connection, OperatorDescriptor } from "./core/operator.ts";

/** The composition root: the only file that sees every room. Each room is loaded when a command asks for it. */
const app: App = {
  version: versionOf(new URL("../package.json", import.meta.url), new URL("../../package.json", import.meta.url)),

  async operators() {
    const { operatorDescriptors } = await import("../operators/index.ts");
    return operatorDescriptors;
  },

  async openStore(config) {
    const [{ openStore }, { migrate }, { checkRequirements }] = await Promise.all([
      import("./store/open.ts"),
      import("./store/migrate.ts"),
      import("./store/requirements.ts"),
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

  async startEngine(config, store, dags) {
    const [{ startEngine }, { prepareTask }, { operatorDescriptors }, { priceOf }, { default: pino }] =
      await Promise.all([
        import("./runtime/engine.ts"),
        import("./dagfile/prepare.ts"),
        import("../operators/index.ts"),
        import("./core/pricing/price-table.ts"),
        import("pino"),
      ]);
    const operators = new Map(operatorDescriptors.map((descriptor) => [descriptor.type, descriptor]));
    const loaded = new Map<string, Promise<AnyOperator>>();
    const log = pino(
      { name: "nocturne" },
      pino.destination({ dest: `${config.home}/engine.log`, mkdir: true, sync: false }),
    );
    return startEngine({
      store,
      dags,
      operators,
      settings: config.engine,
      log,
      operator: (type) => {
        const known = loaded.get(type) ?? load(operators, type);
        loaded.set(type, known);
        return known;
      },
      connection: (name, region) => connectionOf(config, name, region),
      prepare: ({ task, run, ...rest }) => {
        const descriptor = operators.get(task.operator);
        if (!descriptor) throw new Error(`no operator ${task.operator}`);
        if (!config.connections[task.connection]) return unknownConnection(task.connection);
        return prepareTask({ ...rest, task, run, conf: run.conf, local: config.aws === "local", descriptor });
      },
      priceOf: (usageKind) => priceOf(usageKind, config.prices),
    });
  },
};

async function load(operators: ReadonlyMap<string, OperatorDescriptor>, type: string): Promise<AnyOperator> {
  const descriptor = operators.get(type);
  if (!descriptor) throw new Error(`this version has no operator ${type}`);
  return descriptor.load();
}

function unknownConnection(name: string): Prepared {
  const message = `the task uses the connection ${name}, which nocturne.yaml does not name`;
  return { ok: false, failure: { class: "permanent", code: "CONFIG_INVALID", message } };
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
