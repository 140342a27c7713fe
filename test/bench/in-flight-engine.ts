import { priceOf } from "../../engine/core/pricing/price-table.ts";
import { openStore } from "../../engine/store/open.ts";
import { inFlightDag } from "./in-flight-dag.ts";
import { benchEngine } from "./real-engine.ts";

/** What the process has used so far; told whenever it is asked over the channel that `fork` made. */
export interface EngineUse {
  readonly cpuMs: number;
  readonly rss: number;
}

const [databaseUrl = "", fleet = "", stub = ""] = process.argv.slice(2);
const store = await openStore({ databaseUrl, fleet, applicationName: "bench engine" });
const settings = {
  endpoints: { athena: stub, glue: stub },
  credentials: { access_key_id: "bench", secret_access_key: "bench" },
  glue: { role: "arn:aws:iam::000000000000:role/bench", version: "5.1" },
  athena: { workgroup: "primary", output_location: "s3://bench/athena/" },
};
// Production's settings: at last a look every 30 s, although the endpoint is on this machine. Its prices, too: what costs
// nothing is never booked.
const engine = await benchEngine(store, [inFlightDag], {
  connection: (name) => ({ name, region: "us-east-1", settings }),
  priceOf: (usageKind) => priceOf(usageKind, {}),
  log: {
    info: () => undefined,
    // What is tried again: on a machine that is overbooked connections take their time.
    warn: (_details, message) => process.stderr.write(`${message}\n`),
    error(details, message) {
      throw new Error(message, { cause: details });
    },
  },
});

const tell = (): void => {
  const { user, system } = process.cpuUsage();
  const use: EngineUse = { cpuMs: (user + system) / 1_000, rss: process.memoryUsage.rss() };
  process.send?.(use);
};
process.on("message", tell);
process.on("disconnect", () => void engine.stop().then(() => store.close()));
await engine.ready;
tell();
