import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, inject, test } from "vitest";
import { ChaosAws } from "./local-aws.ts";
import { runSeed } from "./seed.ts";

/** 500 in the long run (`npm run test:chaos`). A seed on its own: NOCTURNE_TEST_SEED=17. */
const SEEDS = Number(process.env["NOCTURNE_CHAOS_SEEDS"] ?? 20);
const FIRST = Number(process.env["NOCTURNE_CHAOS_FIRST"] ?? 1);
const alone = process.env["NOCTURNE_TEST_SEED"];
const seeds = alone === undefined ? Array.from({ length: SEEDS }, (_, index) => FIRST + index) : [Number(alone)];

const folder = mkdtempSync(join(tmpdir(), "nocturne-chaos-aws-"));
/** Each with the jobs of one seed at a time: as many as vitest runs tests side by side. */
const free: ChaosAws[] = [];
const all: ChaosAws[] = [];

async function lane(): Promise<ChaosAws> {
  const aws = free.pop() ?? new ChaosAws(join(folder, String(all.length)));
  if (!all.includes(aws)) all.push(aws);
  if (!aws.isUp) await aws.start();
  return aws;
}

afterAll(async () => {
  await Promise.all(all.map((aws) => aws.kill()));
  rmSync(folder, { recursive: true, force: true });
});

test.concurrent.for(seeds)("seed %i", async (seed) => {
  const aws = await lane();
  try {
    const { complaints, folder: kept, told } = await runSeed(seed, inject("postgresUrl"), aws);
    if (complaints.length > 0) cpSync(aws.log, join(kept, "aws.log"));
    expect(complaints, `NOCTURNE_TEST_SEED=${seed}; ${told}; everything is in ${kept}`).toEqual([]);
    console.log(`seed ${seed}: ${told}`);
  } finally {
    free.push(aws);
  }
});
