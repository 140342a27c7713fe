import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { packageRoot } from "../../engine/local/package-root.ts";
import { figure, median, type Benchmark } from "./figures.ts";

const ROOT = packageRoot();
const COFFEE = resolve(ROOT, "../shared/data/coffee_shop_sales_2023.csv");
const COLUMNS =
  "sale_id=transaction_id,store_id=store_id,sold_at=transaction_date+transaction_time,product_id=product_id,quantity=transaction_qty,unit_price=unit_price";

interface DemoDocument {
  readonly seconds: number;
  readonly runs: readonly { readonly state: string; readonly seconds: number }[];
}

/** Runs the demo in a home of its own and answers its document and the wall time of the whole command. */
async function runDemo(args: readonly string[]): Promise<{ document: DemoDocument; seconds: number }> {
  const home = mkdtempSync(join(tmpdir(), "nocturne-bench-"));
  try {
    const startedAt = performance.now();
    const child = spawn(process.execPath, [join(ROOT, "bin/nocturne.js"), "demo", "--json", "--home", home, ...args], {
      cwd: ROOT,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let stdout = "";
    child.stdout.on("data", (data: Buffer) => (stdout += data.toString()));
    const code = await new Promise((done) => child.once("close", done));
    if (code !== 0) throw new Error(`the demo ended with exit code ${String(code)}`);
    return { document: JSON.parse(stdout) as DemoDocument, seconds: (performance.now() - startedAt) / 1000 };
  } finally {
    rmSync(home, { recursive: true, force: true });
  }
}

export const demo: Benchmark = {
  name: "demo",
  summary: "the demo of 14 nights in a fresh home, three times",
  async run(tell) {
    const seconds: number[] = [];
    for (let round = 1; round <= 3; round++) {
      tell.progress(`round ${round} of 3`);
      seconds.push((await runDemo([])).seconds);
    }
    return [figure("demo, 14 nights, command to result", median(seconds), "s", { target: "15" })];
  },
};

export const nights181: Benchmark = {
  name: "nights-181",
  summary: "181 nights of the coffee shop's CSV, four at a time (needs ../shared/data)",
  async run(tell) {
    if (!existsSync(COFFEE)) throw new Error(`${COFFEE} is not there`);
    tell.progress("181 nights");
    const range = ["--from", "2023-01-01", "--to", "2023-06-30", "--max-rejected", "0.2"];
    const { document, seconds } = await runDemo(["--sales", COFFEE, "--columns", COLUMNS, ...range]);
    const each = document.runs.map((run) => run.seconds);
    return [
      figure("181 nights, four at a time", seconds, "s", { target: "60" }),
      figure("one night, median", median(each), "s"),
    ];
  },
};
