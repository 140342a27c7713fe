import { randomUUID } from "node:crypto";
import { beforeEach } from "vitest";
import type { DagSpec, LoadedDag } from "../../engine/core/dag.ts";
import type { Launch, OperatorDescriptor } from "../../engine/core/operator.ts";
import { DEFAULT_SETTINGS, type EngineSettings } from "../../engine/core/settings.ts";
import { sha256 } from "../../engine/dagfile/sha256.ts";
import type { EngineDeps } from "../../engine/runtime/deps.ts";
import { startEngine, type Engine } from "../../engine/runtime/engine.ts";
import { enqueue } from "../../engine/store/inbox.ts";
import { migrate } from "../../engine/store/migrate.ts";
import { REAL_TIME } from "../../engine/core/time-scale.ts";
import { openStore, type Store } from "../../engine/store/open.ts";
import { testHost } from "../operators/host.ts";
import { testDatabase } from "../setup/postgres.ts";
import { FakeService } from "./fake-service.ts";

export const SETTINGS: EngineSettings = {
  ...DEFAULT_SETTINGS,
  writerTtlMs: 1_000,
  writerRenewMs: 300,
  sendWindowMs: 400,
  requestLimitMs: 100,
  visibilityMs: 50,
  lostAfterMs: 200,
  pollMinMs: 5,
  pollMaxMs: 50,
};

const LAUNCHES: Record<string, Launch> = {
  find: { kind: "find", visibilityMs: 60_000 },
  token: { kind: "token", ttlMs: 3_600_000, maxLength: 64 },
};

export const loaded = (spec: DagSpec): LoadedDag => ({
  spec,
  versionHash: sha256(JSON.stringify(spec)),
  source: { file: "dags/test.yaml", text: "dag: test" },
  files: [],
});

/** A fleet of its own in the given database, with a fake remote service. */
export class Fleet {
  readonly service = new FakeService();
  readonly operators: ReadonlyMap<string, OperatorDescriptor>;
  readonly errors: string[] = [];
  private readonly engines: Engine[] = [];
  readonly store: Store;
  private readonly stores: Store[];
  private readonly open: () => Promise<Store>;

  private constructor(store: Store, open: () => Promise<Store>) {
    this.store = store;
    this.stores = [store];
    this.open = open;
    const types = Object.entries(LAUNCHES).map(([type, launch]) => this.service.descriptor(type, launch));
    this.operators = new Map(types.map((descriptor) => [descriptor.type, descriptor]));
  }

  /** The fleet that the database was copied with, unless named. Its engines reach the database by `engineUrl`: a road that a test may cut. */
  static async create(databaseUrl: string, { engineUrl = databaseUrl, fleet = "nocturne" } = {}): Promise<Fleet> {
    const store = await openStore({ databaseUrl, fleet, applicationName: "test" });
    await migrate(store);
    return new Fleet(store, () => openStore({ databaseUrl: engineUrl, fleet, applicationName: "test" }));
  }

  /** Another engine process of this fleet, with connections of its own. */
  async engine(spec: DagSpec, change: (deps: EngineDeps) => EngineDeps = (deps) => deps): Promise<Engine> {
    const store = await this.open();
    this.stores.push(store);
    const log = (details: object, message: string): void =>
      void this.errors.push(`${message}: ${(details as { err?: Error }).err?.message ?? ""}`);
    const engine = await startEngine(
      change({
        store,
        settings: SETTINGS,
        dags: [loaded(spec)],
        plans: false,
        waitsForDatabase: false,
        time: REAL_TIME,
        onMails: () => undefined,
        operators: this.operators,
        operator: (type) =>
          this.operators.get(type)?.load(testHost()) ?? Promise.reject(new Error(`no operator ${type}`)),
        letGo: () => undefined,
        connection: (name) => ({ name, region: "us-east-1", settings: {} }),
        prepare: ({ task }) => ({ kind: "ready", params: { task: task.taskId }, hash: sha256(task.taskId) }),
        concurrencyKey: (_spec, { conf }, template) => (typeof conf[template] === "string" ? conf[template] : template),
        readList: () => Promise.reject(new Error("no lists here")),
        priceOf: () => ({ unitPrice: "1", currency: "USD", source: "test" }),
        log: { info: () => undefined, warn: log, error: log },
      }),
    );
    this.engines.push(engine);
    return engine;
  }

  /** Asks for the days from 2026-03-`from` to 2026-03-`to`, both inclusive. */
  async backfill(
    from: number,
    to: number,
    maxActiveRuns = 4,
    reprocess: "none" | "completed" = "none",
  ): Promise<string> {
    const day = (number: number): string => `2026-03-${String(number).padStart(2, "0")}`;
    const backfillId = randomUUID();
    const dates = { fromDate: day(from), toDate: day(to) };
    const backfill = { backfillId, dagId: "nightly", ...dates, maxActiveRuns, reprocess, conf: {} } as const;
    await enqueue(this.store, { kind: "backfill", backfill, by: "test" });
    return backfillId;
  }

  async close(): Promise<void> {
    for (const engine of this.engines) await engine.stop();
    for (const store of this.stores) await store.close();
  }
}

/** A new fleet in a database of its own before every test of the file; both are gone after it. */
export function fleetForEachTest(use: (fleet: Fleet) => void): void {
  beforeEach(async () => {
    const database = await testDatabase();
    const fleet = await Fleet.create(database.url);
    use(fleet);
    return async () => {
      await fleet.close();
      await database.drop();
    };
  });
}
