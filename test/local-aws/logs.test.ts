import { join } from "node:path";
import type { CloudWatchLogsClient } from "@aws-sdk/client-cloudwatch-logs";
import {
  DescribeLogStreamsCommand,
  FilterLogEventsCommand,
  GetLogEventsCommand,
} from "@aws-sdk/client-cloudwatch-logs";
import { expect, test } from "vitest";
import { LogStore } from "../../deploy/local-aws/logs/log-store.ts";
import { wallClock } from "../../deploy/local-aws/scaled-clock.ts";
import { clientsOf, startServer, temporaryHome } from "./start.ts";

const logGroupName = "/aws-glue/jobs/output";

/** A server whose log holds the lines, one millisecond apart from 1000 on. */
async function logsWith(streams: Readonly<Record<string, readonly string[]>>): Promise<CloudWatchLogsClient> {
  const home = await temporaryHome();
  let now = 1000;
  const store = new LogStore(join(home, "logs"), { ...wallClock, now: () => now++ });
  for (const [stream, lines] of Object.entries(streams)) {
    for (const line of lines) store.append(logGroupName, stream, line);
  }
  await store.flushed();
  return clientsOf((await startServer({ home })).url).logs;
}

test("a stream is read forward page by page, and at its end the token stays", async () => {
  const logs = await logsWith({ jr_1: ["one", "two", "three"] });
  const page = async (nextToken?: string) => {
    const request = { logGroupName, logStreamName: "jr_1", limit: 2, startFromHead: true, nextToken };
    const { events, nextForwardToken } = await logs.send(new GetLogEventsCommand(request));
    return { messages: events?.map(({ message }) => message), nextForwardToken };
  };
  const first = await page();
  const second = await page(first.nextForwardToken);
  const third = await page(second.nextForwardToken);
  expect([first.messages, second.messages, third.messages]).toEqual([["one", "two"], ["three"], []]);
  expect(third.nextForwardToken).toBe(second.nextForwardToken);
});

test("without startFromHead the last lines come first", async () => {
  const logs = await logsWith({ jr_1: ["one", "two", "three"] });
  const request = { logGroupName, logStreamName: "jr_1", limit: 2 };
  const last = await logs.send(new GetLogEventsCommand(request));
  expect(last.events?.map(({ message, timestamp }) => [message, timestamp])).toEqual([
    ["two", 1001],
    ["three", 1002],
  ]);
  const before = await logs.send(new GetLogEventsCommand({ ...request, nextToken: last.nextBackwardToken }));
  expect(before.events?.map(({ message }) => message)).toEqual(["one"]);
});

test("streams are listed by prefix, and events filtered by words and time over streams", async () => {
  const logs = await logsWith({ jr_1: ["read 3 rows", "wrote 2 rows"], jr_2: ["wrote nothing"], other: ["wrote"] });
  const listed = await logs.send(new DescribeLogStreamsCommand({ logGroupName, logStreamNamePrefix: "jr_" }));
  expect(listed.logStreams?.map(({ logStreamName }) => logStreamName)).toEqual(["jr_1", "jr_2"]);
  const filter = { logGroupName, filterPattern: "wrote", startTime: 1001, endTime: 1003 };
  const { events } = await logs.send(new FilterLogEventsCommand(filter));
  expect(events?.map(({ logStreamName, message }) => [logStreamName, message])).toEqual([
    ["jr_1", "wrote 2 rows"],
    ["jr_2", "wrote nothing"],
  ]);
});

test("what does not exist is a ResourceNotFoundException", async () => {
  const logs = await logsWith({ jr_1: ["x"] });
  const stream = logs.send(new GetLogEventsCommand({ logGroupName, logStreamName: "jr_9" }));
  await expect(stream).rejects.toMatchObject({ name: "ResourceNotFoundException" });
  const group = logs.send(new DescribeLogStreamsCommand({ logGroupName: "/nothing" }));
  await expect(group).rejects.toMatchObject({ name: "ResourceNotFoundException" });
});

test("a stream takes four megabytes and then says so", async () => {
  const store = new LogStore(await temporaryHome(), { ...wallClock, now: () => 0 });
  const line = "x".repeat(16 * 1024);
  for (let count = 0; count < 300; count++) store.append(logGroupName, "jr_1", line);
  const events = (await store.read(logGroupName, "jr_1")) ?? [];
  expect(events.length).toBeLessThan(260);
  expect(events.at(-1)?.message).toContain("the rest is not kept");
});
