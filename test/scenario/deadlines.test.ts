import { expect, test } from "vitest";
import { SCHEDULE_DEFAULTS, type DagSpec } from "../../engine/core/dag.ts";
import { Nights } from "./nights.ts";
import { dagSpec, taskSpec } from "./scenario.ts";

const at = (hour: number) => [{ name: "ready", finishBy: { hour, minute: 0, days: 0 } }];
const nightly = (changes: Partial<DagSpec> = {}): DagSpec => ({
  ...dagSpec([taskSpec("work")]),
  schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "UTC", catchup: false },
  startAt: Date.parse("2026-01-05T00:00Z"),
  maxActiveRuns: 100,
  sla: at(6),
  notify: [{ email: ["oncall@example.com"], on: ["sla_missed", "run_failed"] }],
  ...changes,
});
/** The night of the 5th is due on the 6th at 02:00. */
const nights = (changes: Partial<DagSpec> = {}): Nights => new Nights(nightly(changes), "2026-01-05T12:00Z");

test("a deadline is there before its run is", () => {
  expect(nights().deadlines()).toEqual({ "2026-01-06 02:00": "pending by 2026-01-06 06:00" });
});

test("a run that ends in time meets its deadline, and nobody is told", () => {
  const made = nights().at("2026-01-06T02:00Z").at("2026-01-06T05:00Z").finishOldest().at("2026-01-06T06:30Z");
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("met by 2026-01-06 06:00");
  expect(made.mails()).toEqual([]);
});

test("to end at the deadline itself is to meet it", () => {
  const made = nights().at("2026-01-06T02:00Z").at("2026-01-06T06:00Z").finishOldest().at("2026-01-06T06:01Z");
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("met by 2026-01-06 06:00");
});

test("a deadline that passes is missed once and told once, whatever restarts", () => {
  const made = nights().at("2026-01-06T02:00Z").at("2026-01-06T06:01Z");
  expect(made.mails()).toEqual(["sla_missed to oncall@example.com"]);
  made.restartAt("2026-01-06T06:02Z").at("2026-01-06T08:00Z").finishOldest().restartAt("2026-01-06T09:00Z");
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("missed by 2026-01-06 06:00");
  expect(made.mails()).toEqual(["sla_missed to oncall@example.com"]);
});

test("the mail of a miss says what the run waits for", () => {
  const [mail] = nights().at("2026-01-06T02:00Z").at("2026-01-06T06:01Z").rows.mails.values();
  expect(mail).toMatchObject({
    subject: "nightly missed ready: not finished by 06:00 (due 2026-01-06)",
    facts: { ds: "2026-01-05", runState: "running", sla: { waitsFor: ["work (queued)"], finishBy: "06:00" } },
  });
});

test("a run that never started misses too", () => {
  const made = nights({ maxActiveRuns: 1 }).at("2026-01-06T02:00Z").at("2026-01-07T02:00Z").at("2026-01-07T06:01Z");
  expect(made.runs()).toEqual({ "2026-01-05 02:00": "running", "2026-01-06 02:00": "queued" });
  expect(made.deadlines()["2026-01-07 02:00"]).toBe("missed by 2026-01-07 06:00");
});

test("a night that nobody was there to start is missed when somebody is there again", () => {
  const made = nights().restartAt("2026-01-06T07:00Z");
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("missed by 2026-01-06 06:00");
  expect(made.mails()).toEqual(["sla_missed to oncall@example.com"]);
});

test("after a long stop what is older than a day is told in one message", () => {
  const made = nights().restartAt("2026-01-10T07:00Z");
  expect(Object.values(made.deadlines()).filter((text) => text.startsWith("missed"))).toHaveLength(5);
  const mails = [...made.rows.mails.values()];
  expect(mails).toHaveLength(2);
  expect(mails.find(({ facts }) => facts.alsoMissed)?.facts.alsoMissed).toHaveLength(4);
});

test("nothing is missed while a DAG is paused, nor told when it goes on", () => {
  const made = nights().pause(true).at("2026-01-08T12:00Z");
  expect(made.deadlines()).toEqual({ "2026-01-06 02:00": "dropped by 2026-01-06 06:00" });
  made.pause(false).turn();
  expect(made.mails()).toEqual([]);
  expect(made.deadlines()["2026-01-09 02:00"]).toBe("pending by 2026-01-09 06:00");
});

test("a DAG unpaused before its deadline is held to it", () => {
  const made = nights()
    .at("2026-01-06T01:00Z")
    .pause(true)
    .at("2026-01-06T03:00Z")
    .pause(false)
    .at("2026-01-06T06:01Z");
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("missed by 2026-01-06 06:00");
});

test("a DAG that is new is held to no deadline that had passed before", () => {
  const made = new Nights(nightly({ startAt: null }), "2026-01-05T12:00Z");
  expect(made.deadlines()).toEqual({ "2026-01-06 02:00": "pending by 2026-01-06 06:00" });
});

test("a failed run misses at its deadline and not before: a rerun may still make it", () => {
  const made = nights().at("2026-01-06T02:00Z").finishOldest("failed").at("2026-01-06T05:00Z");
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("pending by 2026-01-06 06:00");
  expect(made.mails()).toEqual(["run_failed to oncall@example.com"]);
  expect(made.at("2026-01-06T06:01Z").mails()).toHaveLength(2);
});

test("the mail of a failure carries the task, the failure's text and the night", () => {
  const [mail] = nights().at("2026-01-06T02:00Z").finishOldest("failed").rows.mails.values();
  expect(mail).toMatchObject({
    subject: "nightly failed: work: JOB_FAILED (2026-01-05)",
    facts: { dagId: "nightly", ds: "2026-01-05", failures: [{ taskId: "work", message: "broken", tryNumber: 1 }] },
  });
});

test("a run that somebody cancelled tells nobody", () => {
  expect(nights().at("2026-01-06T02:00Z").cancelOldest().mails()).toEqual([]);
});

test("a night that was run early by hand meets its deadline", () => {
  const ended = { state: "success", startedAt: 0, endedAt: Date.parse("2026-01-06T01:00Z") } as const;
  const made = nights().made({ runId: "early", logicalAt: Date.parse("2026-01-05T02:00Z"), ...ended });
  expect(made.at("2026-01-06T02:00Z").deadlines()["2026-01-06 02:00"]).toBe("met by 2026-01-06 06:00");
});

test("another time in the rule moves the deadlines of what has not begun, and of nothing else", () => {
  const made = nights()
    .at("2026-01-06T02:00Z")
    .publish(nightly({ sla: at(9) }));
  expect(made.deadlines()).toEqual({
    "2026-01-06 02:00": "pending by 2026-01-06 06:00",
    "2026-01-07 02:00": "pending by 2026-01-07 09:00",
  });
});

test("an unrelated change of the DAG changes no deadline", () => {
  const before = nights().at("2026-01-06T02:00Z").deadlines();
  expect(
    nights()
      .at("2026-01-06T02:00Z")
      .publish(nightly({ description: "another" }))
      .deadlines(),
  ).toEqual(before);
});

test("a rule that is taken away drops what has not begun", () => {
  expect(
    nights()
      .publish(nightly({ sla: [] }))
      .deadlines(),
  ).toEqual({ "2026-01-06 02:00": "dropped by 2026-01-06 06:00" });
});

test("everybody who asked for it is told, and each address once", () => {
  const notify = [
    { email: ["a@example.com", "b@example.com"], on: ["sla_missed"] as const },
    { email: ["b@example.com"], on: ["sla_missed", "run_failed"] as const },
    { email: ["c@example.com"], on: ["run_failed"] as const },
  ];
  const made = nights({ notify }).at("2026-01-06T02:00Z").at("2026-01-06T06:01Z");
  expect(made.mails()).toEqual(["sla_missed to a@example.com", "sla_missed to b@example.com"]);
});

test("a catch-up that is planned in steps misses every night of it, and tells the old ones in one message", () => {
  const made = nights({ schedule: { ...SCHEDULE_DEFAULTS, cron: ["0 2 * * *"], timezone: "UTC", catchup: true } });
  made.restartAt("2026-04-20T07:00Z").turn().turn();
  const missed = Object.values(made.deadlines()).filter((text) => text.startsWith("missed"));
  expect(missed).toHaveLength(105);
  expect(made.mails()).toHaveLength(2);
});

const hourly = { ...SCHEDULE_DEFAULTS, cron: ["0 * * * *"], timezone: "UTC", catchup: false } as const;

test("a DAG that is new owes nothing for the due times before it", () => {
  const made = new Nights(nightly({ startAt: null, schedule: hourly }), "2026-01-05T04:30Z");
  expect(Object.keys(made.deadlines())).toEqual(["2026-01-05 04:00", "2026-01-05 05:00"]);
  const late = [{ name: "ready", finishBy: { hour: 6, minute: 0, days: 1 } }];
  const nextDay = new Nights(nightly({ startAt: null, sla: late }), "2026-01-05T05:00Z");
  expect(Object.keys(nextDay.deadlines())).toEqual(["2026-01-05 02:00", "2026-01-06 02:00"]);
});

test("the due times that a pause passed over are nobody's misses, though their deadlines come after it", () => {
  const made = new Nights(nightly({ startAt: null, schedule: hourly }), "2026-01-05T00:10Z").finishOldest();
  made.pause(true).at("2026-01-05T04:30Z").pause(false).finishOldest();
  made.at("2026-01-05T05:00Z").finishOldest().at("2026-01-05T05:59Z").restartAt("2026-01-05T06:01Z");
  expect(made.deadlines()["2026-01-05 01:00"]).toBe("dropped by 2026-01-05 06:00");
  expect(made.mails()).toEqual(["sla_missed to oncall@example.com"]);
  expect(made.deadlines()["2026-01-05 06:00"]).toBe("missed by 2026-01-05 06:00");
});

test("a file that is away for a while is not missed, and its schedule goes on with its deadlines", () => {
  const made = nights().removeFile();
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("dropped by 2026-01-06 06:00");
  made.publish(nightly());
  expect(made.deadlines()["2026-01-06 02:00"]).toBe("pending by 2026-01-06 06:00");
});

test("the long catch-up of one DAG holds up no other DAG's miss", () => {
  const made = nights().at("2026-01-06T02:00Z");
  made.now = Date.parse("2026-01-06T06:01Z");
  const schedule = { ...SCHEDULE_DEFAULTS, cron: ["1 * * * *"], timezone: "UTC", catchup: true };
  made.publish(nightly({ dagId: "long", startAt: Date.parse("2025-01-01T00:00Z"), schedule, sla: [] }));
  expect(made.nextAt).toBeLessThan(made.now);
  expect(made.mails()).toEqual(["sla_missed to oncall@example.com"]);
});
