import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { endLocalAws } from "../../engine/local/local-aws.ts";
import { openStore } from "../../engine/store/open.ts";
import { Project } from "./project.ts";
import { RunningSystem } from "./running-system.ts";

const SHIPPED = resolve(import.meta.dirname, "../../dags");

/** Short waits of the protocol, so that a start after a kill soon carries on; and a mail for every miss, however late. */
const ENGINE = {
  writer_ttl: "2s",
  writer_renew: "500ms",
  send_window: "1s",
  request_limit: "500ms",
  poll_max: "100ms",
  alert_window: "300d",
};

interface Database {
  readonly url: string;
  readonly store: Awaited<ReturnType<typeof openStore>>;
  end(): Promise<void>;
}

/** A project that lives in its home alone: Postgres and local-aws are those that `nocturne up` starts there. */
export class HomeProject extends Project {
  private database: Promise<Database> | null = null;

  /** Writes nocturne.yaml anew. */
  configure({ engine, ...settings }: { readonly engine?: object; readonly smtp_url?: string } = {}): void {
    const config = { home: "home", aws: "local", engine: { ...ENGINE, ...engine }, ...settings };
    writeFileSync(join(this.folder, "nocturne.yaml"), JSON.stringify(config, null, 2));
  }

  writeDag(name: string, text: string): void {
    writeFileSync(join(this.folder, "dags", `${name}.yaml`), text);
  }

  /** One of the repository's own DAGs. */
  shippedDag(name: string): string {
    return readFileSync(join(SHIPPED, `${name}.yaml`), "utf8");
  }

  /** Starts `nocturne up` and points `url` at the local-aws that it works with. */
  async up(...args: string[]): Promise<RunningSystem> {
    const system = await RunningSystem.start(this, ...args);
    const endpoint = readFileSync(join(this.home, "local-aws/endpoint.json"), "utf8");
    this.url = (JSON.parse(endpoint) as { url: string }).url;
    return system;
  }

  /** Asks the home's database itself: what is kept, whatever the program says of it. */
  async rows<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
    this.database ??= this.connect();
    const { store } = await this.database;
    return (await store.pool.query<T>(text, values)).rows;
  }

  /** The address of the home's Postgres, which goes on until the project is closed. */
  async databaseUrl(): Promise<string> {
    this.database ??= this.connect();
    return (await this.database).url;
  }

  private async connect(): Promise<Database> {
    const postgres = await startPostgres({ home: this.home });
    const store = await openStore({ databaseUrl: postgres.url, fleet: "nocturne", applicationName: "test" });
    const end = async (): Promise<void> => {
      await store.close();
      await postgres.stop();
    };
    return { url: postgres.url, store, end };
  }

  override async close(): Promise<void> {
    await (await this.database)?.end();
    await endLocalAws(this.home);
    await super.close();
  }
}
