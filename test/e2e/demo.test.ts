import { spawn } from "node:child_process";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { Decimal } from "decimal.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sampleSales } from "../../engine/cli/demo/sample-sales.ts";
import { endLocalAws } from "../../engine/local/local-aws.ts";
import { startPostgres } from "../../engine/local/embedded-postgres.ts";
import { plainSales } from "../unit/pipeline/plain-sales.ts";

const PROGRAM = resolve(import.meta.dirname, "../../bin/nocturne.js");
const COFFEE = resolve(import.meta.dirname, "../../../shared/data/coffee_shop_sales_2023.csv");
const NIGHTS = 3;

interface Document {
  readonly runs: readonly { dag_run_id: string; logical_date: string; state: string; seconds: number }[];
  readonly stores: readonly {
    store_id: string;
    transactions: number;
    units: number;
    gross_sales: string;
    net_sales: string;
  }[];
  readonly rejected: number;
  readonly duplicates: number;
  readonly cost: { readonly amount: string; readonly currency: string };
  readonly sla: { readonly met: number; readonly missed: number };
  readonly engine: string;
  readonly seconds: number;
  readonly mails: readonly object[];
  readonly budget: {
    readonly limit: string;
    readonly spent: string;
    readonly currency: string;
    readonly stopped: boolean;
  };
}

let home: string;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "nocturne-demo-"));
  await chmod(home, 0o755);
});

/** A killed demo leaves its services running until the next one; the last test ends with them, whatever happened. */
afterAll(async () => {
  await endLocalAws(home);
  await (await startPostgres({ home })).stop();
  await rm(home, { recursive: true, force: true });
});

/** Runs the demo; with `killAt` it is killed as soon as standard error matches. */
function demo(args: readonly string[], killAt?: RegExp): Promise<{ code: number | null; out: string; err: string }> {
  const own = Object.entries(process.env).filter(([name]) => !/^(NOCTURNE_|AWS_|DATABASE_URL$)/.test(name));
  const child = spawn(process.execPath, [PROGRAM, "demo", "--home", home, "--json", ...args], {
    env: Object.fromEntries(own),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const said = { out: "", err: "" };
  child.stdout.on("data", (chunk: Buffer) => (said.out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => {
    said.err += chunk.toString();
    if (killAt?.test(said.err) === true) child.kill("SIGKILL");
  });
  return new Promise((settle, reject) => {
    child.once("error", reject);
    child.once("close", (code) => settle({ code, ...said }));
  });
}

async function demoDocument(args: readonly string[]): Promise<Document> {
  const { code, out, err } = await demo(args);
  expect({ code, err: code === 0 ? "" : err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as Document;
}

const dollars = (cents: number): string => (cents / 100).toFixed(2);

describe("nocturne demo --json", () => {
  test("is one document whose totals are those of the raw files, also right after a kill -9 in the middle of its nights", async () => {
    const killed = await demo(["--nights", String(NIGHTS)], /1\/3 nights done/);
    expect(killed).toMatchObject({ code: null, out: "" });

    const document = await demoDocument(["--nights", String(NIGHTS)]);
    expect(Object.keys(document)).toEqual([
      "runs",
      "stores",
      "rejected",
      "duplicates",
      "cost",
      "sla",
      "engine",
      "seconds",
      "mails",
      "budget",
    ]);
    expect(document.runs.map(({ seconds, ...run }) => ({ ...run, timed: seconds > 0 }))).toEqual(
      ["2025-01-06", "2025-01-07", "2025-01-08"].map((day) => ({
        dag_run_id: `backfill__${day}T07:00:00+00:00`,
        logical_date: `${day}T07:00:00+00:00`,
        state: "success",
        timed: true,
      })),
    );
    const truth = plainSales([...sampleSales({ nights: NIGHTS, firstDay: "2025-01-06" })]);
    // A truth without what the pipeline is there to handle would prove nothing.
    expect(Math.min(truth.duplicates, truth.rejected, truth.late, truth.returned, truth.discounted)).toBeGreaterThan(0);
    expect(document.stores.map(({ gross_sales: _, ...store }) => store)).toEqual(
      truth.stores.map(({ storeId, transactions, units, netCents }) => ({
        store_id: storeId,
        transactions,
        units,
        net_sales: dollars(netCents),
      })),
    );
    for (const store of document.stores) expect(Object.keys(store)).toHaveLength(5);
    expect(document.stores.every(({ gross_sales: gross }) => /^\d+\.\d\d$/.test(gross))).toBe(true);
    expect(document).toMatchObject({ rejected: truth.rejected, duplicates: truth.duplicates, engine: "DuckDB" });
    expect(document.cost).toEqual({ amount: expect.stringMatching(/^\d+\.\d\d$/) as unknown, currency: "USD" });
    expect(Number(document.cost.amount)).toBeGreaterThan(0);
    expect(document.sla).toEqual({ met: NIGHTS, missed: 0 });
    expect(document.mails).toEqual([]);
    expect(document.budget).toMatchObject({ limit: "25", currency: "USD", stopped: false });
    expect(new Decimal(document.budget.spent).toFixed(2)).toBe(document.cost.amount);
  });

  const columns = [
    "sale_id=transaction_id",
    "store_id=store_id",
    "sold_at=transaction_date+transaction_time",
    "product_id=product_id",
    "quantity=transaction_qty",
    "unit_price=unit_price",
  ].join(",");

  test.runIf(existsSync(COFFEE))(
    "of half a year of a coffee shop's sales gives their exact totals, 181 nights",
    { timeout: 600_000 },
    async () => {
      const range = ["--from", "2023-01-01", "--to", "2023-06-30"];
      const document = await demoDocument(["--sales", COFFEE, "--columns", columns, "--max-rejected", "0.2", ...range]);
      expect(document.runs).toHaveLength(181);
      expect(document.runs.filter(({ state }) => state !== "success")).toEqual([]);
      expect(document.stores).toEqual(
        [
          { store_id: "3", transactions: 3966, units: 5471, sales: "27897.05" },
          { store_id: "5", transactions: 3498, units: 4857, sales: "24203.10" },
          { store_id: "8", transactions: 2436, units: 3313, sales: "16726.75" },
        ].map(({ sales, ...store }) => ({ ...store, gross_sales: sales, net_sales: sales })),
      );
      expect(document).toMatchObject({ rejected: 100, duplicates: 100, sla: { met: 181, missed: 0 } });
    },
  );
});
