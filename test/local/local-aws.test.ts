import { mkdtemp, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { HeadBucketCommand, S3Client } from "@aws-sdk/client-s3";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { endLocalAws, findLocalAws, startLocalAws, type LocalAws } from "../../engine/local/local-aws.ts";
import { tryLock, type Lock } from "../../engine/local/lock.ts";
import { scaledTime } from "../../engine/core/time-scale.ts";
import { processIdentity } from "../../engine/local/processes.ts";

let home: string;
let running: LocalAws[];

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(tmpdir(), "nocturne-local-aws-")));
  running = [];
});
afterEach(async () => {
  for (const each of running) await each.stop();
  await rm(home, { recursive: true, force: true });
});

async function start(): Promise<LocalAws> {
  const started = await startLocalAws({ home });
  running.push(started);
  return started;
}

describe("local-aws as a child process", () => {
  test("is started once for a home, however many ask for it at the same time", async () => {
    const [one, two] = await Promise.all([start(), start()]);
    expect(two.pid).toBe(one.pid);
    expect([one.attached, two.attached].sort()).toEqual([false, true]);
  });

  test("has the bucket for artifacts from its first start", async () => {
    const aws = await start();
    const credentials = { accessKeyId: "local", secretAccessKey: "local" };
    const s3 = new S3Client({ endpoint: aws.url, region: "us-east-1", forcePathStyle: true, credentials });
    await expect(s3.send(new HeadBucketCommand({ Bucket: "nocturne-artifacts" }))).resolves.toBeDefined();
    s3.destroy();
  });

  test("goes on while somebody uses it; the last one out ends it, whoever started it, and leaves no endpoint", async () => {
    const one = await start();
    const two = await start();
    await one.stop();
    expect(await findLocalAws(home)).toMatchObject({ pid: one.pid, engine: "DuckDB" });
    await two.stop();
    expect(await processIdentity(one.pid)).toBeNull();
    expect(await findLocalAws(home)).toBeNull();
  });

  test("of a command that was killed is ended by the one that took it over", async () => {
    const one = await start();
    for (const name of await readdir(join(home, "local-aws.users"))) {
      await writeFile(join(home, "local-aws.users", name), JSON.stringify({ pid: process.pid, identity: "killed" }));
    }
    const two = await start();
    expect(two).toMatchObject({ pid: one.pid, attached: true });
    await two.stop();
    expect(await processIdentity(one.pid)).toBeNull();
    expect(await readdir(join(home, "local-aws.users"))).toEqual([]);
  });

  test("is ended for a fresh start although somebody uses it", async () => {
    const one = await start();
    await endLocalAws(home);
    expect(await processIdentity(one.pid)).toBeNull();
  });

  test("comes back after a kill -9, past the endpoint that was left over", async () => {
    const one = await start();
    process.kill(one.pid, "SIGKILL");
    const two = await start();
    expect(two.attached).toBe(false);
    expect(two.pid).not.toBe(one.pid);
  });

  test("runs by the clock that was asked for, tells it, and goes on by it after a kill -9", async () => {
    const from = Date.parse("2026-01-31T07:00:00Z");
    const one = await startLocalAws({ home, time: { factor: 2400, from } });
    running.push(one);
    expect(one.time).toMatchObject({ factor: 2400, engineFrom: from });
    process.kill(one.pid, "SIGKILL");
    const two = await startLocalAws({ home, time: { factor: 2400, from } });
    running.push(two);
    expect(two.time).toEqual(one.time);
    expect(scaledTime(two.time, Date.now())).toBeGreaterThan(from);
  });

  test("keeps its clock for whoever has no wish, and refuses one who wants another pace", async () => {
    const one = await startLocalAws({ home, time: { factor: 60 } });
    running.push(one);
    expect((await start()).time).toEqual(one.time);
    const other = startLocalAws({ home, time: { factor: 1 } });
    await expect(other).rejects.toMatchObject({ problems: [{ code: "LOCAL_AWS" }] });
    await expect(other).rejects.toThrow(/runs 60 times as fast, and this command wants it at the pace of the wall/);
  });

  test("leaves a process alone that by now has the number of an earlier local-aws", async () => {
    const one = await start();
    const path = join(home, "local-aws/endpoint.json");
    const endpoint = JSON.parse(await readFile(path, "utf8")) as object;
    await one.stop();
    await writeFile(path, JSON.stringify({ ...endpoint, pid: process.pid, url: "http://127.0.0.1:1" }));
    expect(await findLocalAws(home)).toBeNull();
    expect(await processIdentity(process.pid)).not.toBeNull();
  });
});

describe("a lock of a home", () => {
  test("is held by one, names its holder to others, and is free again after release", async () => {
    const path = join(home, "demo.lock");
    const first = (await tryLock(path)) as Lock;
    expect(await tryLock(path)).toEqual({ heldBy: process.pid });
    await first.release();
    expect(await tryLock(path)).toHaveProperty("release");
  });

  test("of a process that is gone, or whose number was reused, is taken over by exactly one", async () => {
    const path = join(home, "demo.lock");
    for (const stale of ["not json", JSON.stringify({ pid: process.pid, identity: "another start" })]) {
      await writeFile(path, stale);
      const taken = await Promise.all(Array.from({ length: 8 }, () => tryLock(path)));
      const locks = taken.filter((each): each is Lock => "release" in each);
      expect(locks).toHaveLength(1);
      await locks[0]?.release();
    }
  });
});
