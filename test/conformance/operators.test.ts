import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutObjectCommand, S3Client } from "@aws-sdk/client-s3";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { startLocalAws, type LocalAws } from "../../deploy/local-aws/server.ts";
import type { AnyOperator, Observation, SubmitContext } from "../../engine/core/operator.ts";
import { operatorDescriptors } from "../../operators/index.ts";
import { connectionTo, contextOf, never, observed } from "../operators/contexts.ts";
import { testHost } from "../operators/host.ts";
import { testDatabase, type TestDatabase } from "../setup/postgres.ts";
import { until } from "../setup/until.ts";
import { CASES, FILES, type Before } from "./cases.ts";

let home: string;
let local: LocalAws;
let database: TestDatabase;
let connection: ReturnType<typeof connectionTo>;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "conformance-"));
  local = await startLocalAws({ home, threads: 1, clusterLatencyMs: 5 });
  const credentials = { accessKeyId: "local", secretAccessKey: "local" };
  const s3 = new S3Client({ endpoint: local.url, region: "us-east-1", credentials, forcePathStyle: true });
  for (const Bucket of ["artifacts", "data"]) await s3.send(new CreateBucketCommand({ Bucket }));
  await s3.send(new PutObjectCommand({ Bucket: "data", Key: "there", Body: "here" }));
  database = await testDatabase("empty");
  connection = connectionTo(local.url);
});
afterAll(async () => {
  await database.drop();
  await local.stop();
  await rm(home, { recursive: true, force: true, maxRetries: 3 });
});
const clearFaults = () => fetch(`${local.url}/_local/faults`, { method: "DELETE" });
afterEach(clearFaults);

const host = () => testHost({ connectionSettings: () => ({ postgres: { url: database.url } }) });
const context = (): SubmitContext => contextOf(connection, { files: FILES });
const fault = async (operation: string, kind: string, ms?: number): Promise<void> => {
  const answer = await fetch(`${local.url}/_local/faults`, {
    method: "POST",
    body: JSON.stringify({ operation, kind, ms }),
  });
  expect(answer.status).toBe(200);
};
const remoteJobs = async (launchKey: string): Promise<number> => {
  const jobs = (await (await fetch(`${local.url}/_local/runs`)).json()) as { launchKey: string | null }[];
  return jobs.filter((job) => job.launchKey === launchKey).length;
};

async function operatorOf(type: string): Promise<AnyOperator> {
  const descriptor = operatorDescriptors.find((each) => each.type === type);
  if (!descriptor) throw new Error(`no operator ${type}`);
  return descriptor.load(host());
}

/** Looks until the job has ended. */
async function ended(operator: AnyOperator, ref: unknown, of: SubmitContext): Promise<Observation> {
  return until(`the end of ${operator.type}`, async () => {
    const [look] = await operator.observe([observed(ref, of)], never);
    return look?.kind === "succeeded" || look?.kind === "failed" ? look : null;
  });
}

async function started(operator: AnyOperator, params: unknown, of: SubmitContext): Promise<Record<string, unknown>> {
  const result = await operator.submit(params, of);
  if (result.kind !== "started") throw new Error(`${operator.type}: ${JSON.stringify(result)}`);
  return result.ref as Record<string, unknown>;
}

const before: Before = {
  get url() {
    return local.url;
  },
  async run(type, params) {
    const operator = await operatorOf(type);
    const of = context();
    const end = await ended(operator, await started(operator, operator.params.parse(params), of), of);
    if (end.kind !== "succeeded") throw new Error(`${type}: ${JSON.stringify(end)}`);
    return end.output;
  },
};

const paramsOf = async (operator: AnyOperator): Promise<unknown> =>
  operator.params.parse(await CASES[operator.type]?.params(before));

describe.each(operatorDescriptors.map((descriptor) => [descriptor.type, descriptor] as const))(
  "%s",
  (type, descriptor) => {
    const each = CASES[type];

    it("rule 14: has a case here, and is what its descriptor says", async () => {
      expect(each).toBeDefined();
      const operator = await descriptor.load(host());
      expect({ type: operator.type, launch: operator.launch }).toEqual({ type, launch: descriptor.launch });
      if (operator.launch.kind === "find") expect(operator).toHaveProperty("find");
      expect(operator.batchSize).toBeGreaterThan(0);
    });

    it("does its work and says so", async () => {
      const operator = await descriptor.load(host());
      const of = context();
      const result = await operator.submit(await paramsOf(operator), of);
      if (result.kind === "done") return;
      if (result.kind !== "started") throw new Error(JSON.stringify(result));
      // What is kept in the database must come back as it was.
      expect(JSON.parse(JSON.stringify(result.ref))).toEqual(result.ref);
      expect(await ended(operator, result.ref, of)).toMatchObject({ kind: "succeeded" });
      expect(operator.links?.(result.ref, of) ?? []).toEqual([]);
    });

    it.runIf(each?.starts)("rule 16: stays one remote job when the reply to its launch is lost", async () => {
      const operator = await descriptor.load(host());
      const params = await paramsOf(operator);
      const of = context();
      await fault(each?.starts ?? "", "reset_after");
      expect((await operator.submit(params, of)).kind).toBe("doubt");
      const refs =
        operator.launch.kind === "find"
          ? ((await operator.find?.(params, of)) ?? [])
          : [await started(operator, params, of)];
      expect(refs).toHaveLength(1);
      expect(await ended(operator, refs[0], of)).toMatchObject({ kind: "succeeded" });
      if (type !== "emr.terminate") expect(await remoteJobs(of.launchKey)).toBe(1);
    });

    it.runIf(each?.starts)(
      "rules 15 and 18: starts nothing when its request never arrives, is refused or comes too late",
      async () => {
        const operator = await descriptor.load(host());
        const params = await paramsOf(operator);
        for (const [kind, expected] of [
          ["reset_before", "doubt"],
          ["html503", "doubt"],
          ["throttle", "throttled"],
          ["clock_skew", "throttled"],
        ] as const) {
          const of = context();
          await fault(each?.starts ?? "", kind);
          expect((await operator.submit(params, of)).kind, kind).toBe(expected);
          expect(await remoteJobs(of.launchKey)).toBe(0);
          if (operator.find) expect(await operator.find(params, of)).toEqual([]);
        }
        const late = { ...context(), mayStillSend: () => false };
        expect((await operator.submit(params, late)).kind).toBe("throttled");
        expect(await remoteJobs(late.launchKey)).toBe(0);
      },
    );

    it.runIf(each?.starts)("rule 20: is looked at in the order asked for, what is unknown included", async () => {
      const operator = await descriptor.load(host());
      const of = context();
      const ref = await started(operator, await paramsOf(operator), of);
      const unknown = each?.unknown(ref);
      const refs = unknown ? [unknown, ref, unknown] : [ref, ref];
      const looks = await operator.observe(
        refs.map((one) => observed(one, of)),
        never,
      );
      expect(looks).toHaveLength(refs.length);
      expect(looks.map((look) => look.kind === "unseen")).toEqual(refs.map((one) => one === unknown));
      await ended(operator, ref, of);
    });

    it.runIf(each?.starts && type !== "emr.terminate")("is unseen until its service shows it (rule 20)", async () => {
      const operator = await descriptor.load(host());
      const params = await paramsOf(operator);
      const of = context();
      await fault("*", "eventual", 60_000);
      const ref = await started(operator, params, of);
      const looks = await operator.observe([observed(ref, of)], never);
      expect(looks).toEqual([{ kind: "unseen" }]);
      await clearFaults();
      expect(await ended(operator, ref, of)).toMatchObject({ kind: "succeeded" });
    });

    it("can be cancelled twice, and after its end", async () => {
      const operator = await descriptor.load(host());
      const of = context();
      const result = await operator.submit(await paramsOf(operator), of);
      if (result.kind !== "started") return expect(result.kind).toBe("done");
      await operator.cancel(result.ref, of);
      await operator.cancel(result.ref, of);
      await ended(operator, result.ref, of);
      await operator.cancel(result.ref, of);
    });

    const isWork = descriptor.launch.kind === "in_process" && !["noop", "branch", "short_circuit"].includes(type);

    it.runIf(isWork)("is one piece of work, however often its launch is submitted (rule 8)", async () => {
      const operator = await descriptor.load(host());
      const params = await paramsOf(operator);
      const of = context();
      const ref = await started(operator, params, of);
      expect(await started(operator, params, { ...of, isRepeat: true })).toEqual(ref);
      const end = await ended(operator, ref, of);
      expect(end.kind).toBe("succeeded");
      expect(await ended(operator, ref, of)).toEqual(end);
      expect(await started(operator, params, { ...of, isRepeat: true })).toEqual(ref);
    });

    it.runIf(isWork)(
      "is never adopted from another process, and done again only when idempotent (rule 19)",
      async () => {
        const operator = await descriptor.load(host());
        for (const [idempotent, failureClass, again] of [
          [true, "retryable", "started"],
          [false, "permanent", "refused"],
        ] as const) {
          const params: unknown = operator.params.parse({ ...(await CASES[type]?.params(before)), idempotent });
          const of = context();
          const ref = { ...(await started(operator, params, of)), boot: "another process" };
          const [look] = await operator.observe([observed(ref, of)], never);
          expect(look).toMatchObject({ kind: "failed", failure: { class: failureClass, code: "INTERRUPTED" } });
          await operator.cancel(ref, of);
          const repeat = { ...context(), isRepeat: true };
          const result = await operator.submit(params, repeat);
          expect(result.kind).toBe(again);
          if (result.kind === "refused") expect(result.failure.code).toBe("INTERRUPTED");
          if (result.kind === "started") await ended(operator, result.ref, repeat);
        }
      },
    );

    it.runIf(isWork)("begins nothing when its time to be sent has passed (rule 15)", async () => {
      const operator = await descriptor.load(host());
      const late = { ...context(), mayStillSend: () => false };
      expect((await operator.submit(await paramsOf(operator), late)).kind).toBe("throttled");
    });
  },
);
