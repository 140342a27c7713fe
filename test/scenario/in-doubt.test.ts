import { expect, test, vi } from "vitest";
import { DEFAULT_SETTINGS } from "../../engine/core/settings.ts";
import { Dispatch } from "../../engine/runtime/dispatch.ts";
import { Launcher } from "../../engine/runtime/launcher.ts";
import { LookRoom } from "../../engine/runtime/look-room.ts";
import { Observer } from "../../engine/runtime/observer.ts";
import { scenario, Scenario, dagSpec, taskSpec } from "./scenario.ts";

const { sendWindowMs, requestLimitMs } = DEFAULT_SETTINGS;
const searchable = sendWindowMs + requestLimitMs + 60_000;

scenario(
  "rule 23: a token launch in doubt that is cancelled is not taken for never sent: its ref is got first",
  "a",
  { a: { operator: "token" } },
  (s) => {
    s.submit("a", { kind: "doubt", message: "reset" }).cancelRun().later(0);
    expect(s.owes("a")).not.toContain("withdraw +0");
    s.expect({ a: "queued" });
  },
);

scenario(
  "rule 23: a token launch whose repeat is not sent in time is not taken for never sent although its run is cancelled",
  "a",
  { a: { operator: "token" } },
  (s) => {
    s.submit("a", { kind: "doubt", message: "reset" }).later(0).cancelRun();
    s.event("a", { kind: "not_sent", tryNumber: 1 }).expect({ a: "queued" });
    expect(s.owes("a")).toContain("submit +0");
  },
);

scenario("rule 23: a withdrawal that comes after a doubt does not end the attempt", "a", {}, (s) => {
  s.cancelRun().submit("a", { kind: "doubt", message: "reset after the request" });
  s.event("a", { kind: "not_sent", tryNumber: 1 }).expect({ a: "queued" });
  expect(s.owes("a")).toEqual([`search +${searchable}`]);
});

scenario(
  "rule 18: a refusal of a request that was repeated says nothing of the first one",
  "a",
  { a: { operator: "token" } },
  (s) => {
    s.submit("a", { kind: "doubt", message: "reset after the request" }).later(0);
    const failure = { class: "permanent", code: "AWS_CREDENTIALS", message: "ExpiredToken" } as const;
    s.submit("a", { kind: "refused", failure });
    if (s.attempt("a").state === "failed") expect(s.attempt("a").failure?.code).toBe("LAUNCH_UNKNOWN");
  },
);

scenario("rule 17: a retry does not forget the duplicates of the try before", "a", { a: { retries: 1 } }, (s) => {
  s.submit("a", { kind: "doubt", message: "reset" }).later(searchable);
  s.event("a", { kind: "searched", tryNumber: 1, refs: ["jr_1", "jr_2"] });
  s.fails("a", "retryable").later(10_000).expect({ a: "queued" });
  const active = [...s.world.runs.values()][0];
  const remembered = [...(active?.settling.values() ?? [])].flatMap((attempt) => attempt.duplicates);
  expect([...remembered, ...s.attempt("a").duplicates]).toEqual([{ ref: "jr_2", isCancelled: false }]);
});

scenario(
  "rule 17: a job is no duplicate of itself because Postgres gave its reference back in another order",
  "a",
  {},
  (s) => {
    s.submit("a", { kind: "doubt", message: "reset" }).later(searchable);
    s.event("a", { kind: "searched", tryNumber: 1, refs: [{ step_id: "s-1", cluster_id: "j-1" }] });
    s.takeover().event("a", { kind: "searched", tryNumber: 1, refs: [{ cluster_id: "j-1", step_id: "s-1" }] });
    expect(s.attempt("a").duplicates).toEqual([]);
  },
);

scenario("rule 16: an empty search counts only when the doubt is old enough to be searched", "a", {}, (s) => {
  s.submit("a", { kind: "doubt", message: "reset" }).later(searchable);
  s.event("a", { kind: "searched", tryNumber: 1, refs: [] });
  // The same bytes go out again and that reply is lost too; only now a second look of the first search comes back.
  s.submit("a", { kind: "doubt", message: "reset" }).event("a", { kind: "searched", tryNumber: 1, refs: [] });
  expect(s.owes("a")).toEqual([`search +${searchable}`]);
});

scenario(
  "rule 20: a job that is lost while its timeout ends it is not tried again",
  "a",
  { a: { timeoutMs: 60_000, retries: 1 } },
  (s) => {
    s.starts("a").later(60_000);
    for (const ms of [0, 60_000, 60_000]) s.later(ms).observe("a", { kind: "unseen" });
    s.expect({ a: "failed" });
  },
);

scenario(
  "rule 16: a launch that was pushed back is in doubt after a takeover, for the clocks of two processes differ",
  "a",
  {},
  (s) => {
    s.submit("a", { kind: "throttled", message: "slow down", retryAfterMs: 1_000 }).takeover();
    expect(s.attempt("a").everInDoubt).toBe(true);
  },
);

test("what is asked again and again is asked once a second, however much an attempt owes", () => {
  const s = new Scenario(dagSpec([taskSpec("a")]));
  s.submit("a", { kind: "doubt", message: "reset" }).later(searchable);
  s.event("a", { kind: "searched", tryNumber: 1, refs: ["jr_1", "jr_2", "jr_3"] });
  const active = [...s.world.runs.values()][0];
  if (!active) throw new Error("no run");
  let cancels = 0;
  const launcher = { cancel: () => void cancels++ } as unknown as ConstructorParameters<typeof Dispatch>[3];
  const observer = { watch: () => undefined } as unknown as ConstructorParameters<typeof Dispatch>[4];
  const deps = {
    settings: DEFAULT_SETTINGS,
    operators: new Map([["find", { launch: { kind: "find", visibilityMs: 60_000 } }]]),
  } as unknown as ConstructorParameters<typeof Dispatch>[0];
  let now = s.now;
  const clock = { now: () => now, realMs: (ms: number) => ms } as unknown as ConstructorParameters<typeof Dispatch>[1];
  const dispatch = new Dispatch(deps, clock, s.world, launcher, observer, () => undefined);
  dispatch.run([{ active, position: 0 }]);
  for (let second = 0; second < 10; second++) {
    now += 1_000;
    dispatch.run([]);
  }
  expect(cancels).toBeLessThanOrEqual(2 * 11);
});

test("a job that is long in ending is not looked at more and more often", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  try {
    const s = new Scenario(dagSpec([taskSpec("a")]));
    s.starts("a");
    const active = [...s.world.runs.values()][0];
    if (!active) throw new Error("no run");
    let looks = 0;
    const operator = {
      type: "find",
      batchSize: 10,
      observe: async (jobs: readonly unknown[]) => {
        looks++;
        return jobs.map(() => ({ kind: "running", detail: "STOPPING" }));
      },
    };
    const deps = {
      settings: DEFAULT_SETTINGS,
      operator: async () => operator,
      operators: new Map(),
      connection: (name: string) => ({ name, region: "us-east-1", settings: {} }),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    } as unknown as ConstructorParameters<typeof Observer>[0];
    const clock = { now: () => Date.now(), realMs: (ms: number) => ms } as unknown as ConstructorParameters<
      typeof Observer
    >[1];
    const observer = new Observer(deps, clock, () => undefined, new LookRoom(() => 0));
    const attempt = { ...s.attempt("a"), submittedAt: Date.now() };
    observer.watch({ active, position: 0 }, attempt);
    for (let second = 0; second < 120; second++) {
      observer.hurry(attempt);
      await vi.advanceTimersByTimeAsync(1_000);
    }
    looks = 0;
    await vi.advanceTimersByTimeAsync(30_000);
    observer.stop();
    expect(looks).toBeLessThanOrEqual(16);
  } finally {
    vi.useRealTimers();
  }
});

test("a job whose look goes wrong does not hide the others of its batch", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  try {
    const s = new Scenario(dagSpec([taskSpec("good"), taskSpec("poison")]));
    s.starts("good").starts("poison");
    const active = [...s.world.runs.values()][0];
    if (!active) throw new Error("no run");
    const operator = {
      type: "find",
      batchSize: 10,
      observe: async (jobs: readonly { readonly ref: string }[]) => {
        if (jobs.some((job) => job.ref === "job-poison")) throw new Error("its result cannot be read");
        return jobs.map(() => ({ kind: "succeeded", output: {} }));
      },
    };
    const deps = {
      settings: DEFAULT_SETTINGS,
      operator: async () => operator,
      operators: new Map(),
      connection: (name: string) => ({ name, region: "us-east-1", settings: {} }),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    } as unknown as ConstructorParameters<typeof Observer>[0];
    const clock = { now: () => Date.now(), realMs: (ms: number) => ms } as unknown as ConstructorParameters<
      typeof Observer
    >[1];
    const seen: number[] = [];
    const observer = new Observer(deps, clock, ({ taskNo }) => void seen.push(taskNo), new LookRoom(() => 0));
    // As after a takeover: both are due at the same moment.
    observer.watch({ active, position: 0 }, { ...s.attempt("good"), submittedAt: Date.now() });
    observer.watch({ active, position: 1 }, { ...s.attempt("poison"), submittedAt: Date.now() });
    await vi.advanceTimersByTimeAsync(120_000);
    observer.stop();
    expect(seen).toEqual([1]);
  } finally {
    vi.useRealTimers();
  }
});

test("a sensor that was cancelled is not looked at any more", async () => {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
  try {
    const s = new Scenario(dagSpec([taskSpec("wait", { operator: "sensor" })]));
    s.starts("wait");
    const active = [...s.world.runs.values()][0];
    if (!active) throw new Error("no run");
    let looks = 0;
    const operator = {
      type: "sensor",
      batchSize: 10,
      observe: async (jobs: readonly unknown[]) => {
        looks++;
        return jobs.map(() => ({ kind: "running", detail: "waiting" }));
      },
    };
    const deps = {
      settings: DEFAULT_SETTINGS,
      operators: new Map([["sensor", { launch: { kind: "sensor" } }]]),
      operator: async () => operator,
      connection: (name: string) => ({ name, region: "us-east-1", settings: {} }),
      log: { info: () => undefined, warn: () => undefined, error: () => undefined },
    } as unknown as ConstructorParameters<typeof Observer>[0];
    const clock = { now: () => Date.now(), realMs: (ms: number) => ms } as unknown as ConstructorParameters<
      typeof Observer
    >[1];
    const observer = new Observer(deps, clock, () => undefined, new LookRoom(() => 0));
    const launcher = {} as unknown as ConstructorParameters<typeof Dispatch>[3];
    const dispatch = new Dispatch(deps, clock, s.world, launcher, observer, () => undefined);
    s.world.takePending();
    dispatch.run([{ active, position: 0 }]);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(looks).toBeGreaterThan(0);
    s.world.decideRun(active.run.runId, { kind: "end", cause: "cancel", by: "ana" }, s.context());
    dispatch.run(s.world.takePending()?.touched ?? []);
    await vi.advanceTimersByTimeAsync(60_000);
    looks = 0;
    await vi.advanceTimersByTimeAsync(600_000);
    observer.stop();
    expect(looks).toBe(0);
  } finally {
    vi.useRealTimers();
  }
});

test("a launch whose connection cannot be had is pushed back, and not forgotten", async () => {
  const s = new Scenario(dagSpec([taskSpec("a")]));
  const active = [...s.world.runs.values()][0];
  if (!active) throw new Error("no run");
  const deps = {
    connection: () => {
      throw new Error("nocturne.yaml names no connection warehouse");
    },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  } as unknown as ConstructorParameters<typeof Launcher>[0];
  const clock = {
    now: () => s.now,
    isBefore: (at: number) => s.now < at,
    realMs: (ms: number) => ms,
  } as unknown as ConstructorParameters<typeof Launcher>[1];
  const posted: string[] = [];
  const launcher = new Launcher(deps, clock, (_key, event) => void posted.push(event.kind));
  launcher.submit({ active, position: 0 }, s.attempt("a"), {});
  await launcher.settle(1_000);
  expect(posted).toEqual(["submitted"]);
});

scenario(
  "a setup that is made again keeps the open bill of its try before",
  "make -> work",
  {
    make: { isSetup: true },
    work: { retries: 1 },
  },
  (s) => {
    s.starts("make").observe("make", { kind: "succeeded", output: {}, settleAfterMs: 600_000 });
    s.starts("work").fails("work", "resource_gone").expect({ make: "queued" });
    const first = [...s.world.runs.values()][0]?.settling.size;
    expect(first).toBe(1);
  },
);
