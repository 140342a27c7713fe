import type { Price } from "./price.ts";
import { sumOf } from "./amounts.ts";

/** confirmed: seen in public material of 2025 and 2026. general knowledge: to be confirmed with the Price List API. */
type Standing = "confirmed" | "general knowledge";

const READ_ON = "2026-11-21";

/** Public on-demand prices in us-east-1, in USD for one unit of the kind's usage. */
const PRICES: Readonly<Record<string, readonly [usd: string, source: string, standing: Standing]>> = {
  "glue.dpu_hour": ["0.44", "AWS Glue pricing", "confirmed"],
  "glue.dpu_hour.flex": ["0.29", "AWS Glue pricing", "confirmed"],
  "athena.tb_scanned": ["5.00", "Amazon Athena pricing", "confirmed"],
  "redshift.rpu_hour": ["0.375", "Amazon Redshift Serverless pricing", "confirmed"],
  ...instanceHours({
    "m5.xlarge": ["0.192", "0.048"],
    "m5.2xlarge": ["0.384", "0.096"],
    "m5.4xlarge": ["0.768", "0.192"],
    "m6g.xlarge": ["0.154", "0.0385"],
    "m6g.2xlarge": ["0.308", "0.077"],
    "r5.xlarge": ["0.252", "0.063"],
    "r5.2xlarge": ["0.504", "0.126"],
    "c5.xlarge": ["0.17", "0.043"],
    "c5.2xlarge": ["0.34", "0.085"],
  }),
};

/** EMR on EC2 costs the instance and EMR's own price beside it. */
function instanceHours(types: Readonly<Record<string, readonly [ec2: string, emr: string]>>) {
  const entries = Object.entries(types).map(([type, [ec2, emr]]) => {
    const source = `Amazon EC2 on demand ${ec2} + Amazon EMR ${emr}`;
    return [`emr.${type}.instance_hour`, [sumOf([ec2, emr]), source, "general knowledge"]] as const;
  });
  return Object.fromEntries(entries);
}

/** What people wrote into nocturne.yaml under `prices`: exact decimals by kind of usage. */
export type PriceOverrides = Readonly<Record<string, string>>;

/**
 * The price of one unit of a kind of usage: nocturne.yaml's, else the public one. A kind without any costs 0, and its
 * source says so: it must not stop a night, and must not look like a price either.
 */
export function priceOf(usageKind: string, overrides: PriceOverrides = {}): Price {
  const own = Object.hasOwn(overrides, usageKind) ? overrides[usageKind] : undefined;
  if (own !== undefined) return { unitPrice: own, currency: "USD", source: "nocturne.yaml" };
  const known = Object.hasOwn(PRICES, usageKind) ? PRICES[usageKind] : undefined;
  if (!known) return { unitPrice: "0", currency: "USD", source: `no price known; set prices: {${usageKind}: …}` };
  const [unitPrice, source, standing] = known;
  return { unitPrice, currency: "USD", source: `${source}, us-east-1, read ${READ_ON}, ${standing}` };
}
