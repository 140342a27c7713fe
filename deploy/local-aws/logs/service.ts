import type {
  DescribeLogGroupsRequest,
  DescribeLogStreamsRequest,
  FilterLogEventsRequest,
  GetLogEventsRequest,
} from "@aws-sdk/client-cloudwatch-logs";
import { AwsError, type JsonService } from "../contract.ts";
import type { LogEvent, LogStore } from "./log-store.ts";
import { loadShapes } from "../load.ts";

const MOST_EVENTS = 10_000;
const MOST_STREAMS = 50;

/** CloudWatch Logs, as far as reading goes: what Glue runs wrote. */
export function createLogs(store: LogStore): JsonService {
  const requireGroup = async (group: string): Promise<void> => {
    if (!(await store.groups()).includes(group)) {
      throw new AwsError("ResourceNotFoundException", "The specified log group does not exist.");
    }
  };
  return {
    name: "Logs",
    targetPrefix: "Logs_20140328",
    schemas: loadShapes("@aws-sdk/client-cloudwatch-logs"),
    operations: {
      DescribeLogGroups: async (input: DescribeLogGroupsRequest) => ({
        logGroups: (await store.groups())
          .filter((name) => name.startsWith(input.logGroupNamePrefix ?? ""))
          .map((logGroupName) => ({ logGroupName })),
      }),
      DescribeLogStreams: (input: DescribeLogStreamsRequest) => describeStreams(store, input, requireGroup),
      GetLogEvents: (input: GetLogEventsRequest) => getEvents(store, input),
      FilterLogEvents: (input: FilterLogEventsRequest) => filterEvents(store, input, requireGroup),
    },
    remoteJobs: () => [],
    start: async () => undefined,
    stop: () => store.flushed(),
  };
}

async function describeStreams(
  store: LogStore,
  input: DescribeLogStreamsRequest,
  requireGroup: (group: string) => Promise<void>,
): Promise<object> {
  const group = groupOf(input);
  await requireGroup(group);
  const streams = (await store.streams(group)).filter(({ name }) => name.startsWith(input.logStreamNamePrefix ?? ""));
  if (input.orderBy === "LastEventTime") streams.sort((a, b) => a.lastMs - b.lastMs);
  if (input.descending === true) streams.reverse();
  const { items, nextToken } = page(streams, input.nextToken, input.limit ?? MOST_STREAMS, MOST_STREAMS);
  return {
    logStreams: items.map(({ name, createdMs, lastMs, bytes }) => ({
      logStreamName: name,
      creationTime: createdMs,
      firstEventTimestamp: createdMs,
      lastEventTimestamp: lastMs,
      lastIngestionTime: lastMs,
      storedBytes: bytes,
    })),
    nextToken,
  };
}

/** Tokens name positions: f/N continues forward at N, b/N backward before N. At an end the same token comes back. */
async function getEvents(store: LogStore, input: GetLogEventsRequest): Promise<object> {
  const events = await store.read(groupOf(input), input.logStreamName ?? "");
  if (events === null) throw new AwsError("ResourceNotFoundException", "The specified log stream does not exist.");
  const inside = events.filter(within(input.startTime, input.endTime));
  const limit = Math.min(input.limit ?? MOST_EVENTS, MOST_EVENTS);
  const [, direction, at] = /^([fb])\/(\d+)$/.exec(input.nextToken ?? "") ?? [];
  if (input.nextToken !== undefined && direction === undefined) {
    throw new AwsError("InvalidParameterException", "The specified nextToken is invalid.");
  }
  const forward = direction === undefined ? input.startFromHead === true : direction === "f";
  const from = at === undefined ? (forward ? 0 : inside.length) : Math.min(Number(at), inside.length);
  const start = forward ? from : Math.max(0, from - limit);
  const end = forward ? Math.min(inside.length, from + limit) : from;
  return {
    events: inside.slice(start, end).map((event) => ({ ...event, ingestionTime: event.timestamp })),
    nextForwardToken: `f/${end}`,
    nextBackwardToken: `b/${start}`,
  };
}

async function filterEvents(
  store: LogStore,
  input: FilterLogEventsRequest,
  requireGroup: (group: string) => Promise<void>,
): Promise<object> {
  const group = groupOf(input);
  await requireGroup(group);
  const pattern = input.filterPattern ?? "";
  if (/[{[?%]|(^|\s)-/.test(pattern)) {
    throw new AwsError("InvalidParameterException", "local-aws filters by plain words only");
  }
  const words = [...pattern.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, word]) => quoted ?? word ?? "");
  const names = input.logStreamNames ?? (await store.streams(group)).map(({ name }) => name);
  const found: (LogEvent & { readonly logStreamName: string })[] = [];
  for (const logStreamName of names) {
    if (!logStreamName.startsWith(input.logStreamNamePrefix ?? "")) continue;
    for (const event of (await store.read(group, logStreamName)) ?? []) {
      const wanted =
        within(input.startTime, input.endTime)(event) && words.every((word) => event.message.includes(word));
      if (wanted) found.push({ logStreamName, ...event });
    }
  }
  found.sort((a, b) => a.timestamp - b.timestamp);
  const { items, nextToken, start } = page(found, input.nextToken, input.limit ?? MOST_EVENTS, MOST_EVENTS);
  return {
    events: items.map((event, index) => ({
      ...event,
      ingestionTime: event.timestamp,
      eventId: String(start + index).padStart(20, "0"),
    })),
    searchedLogStreams: [],
    nextToken,
  };
}

function groupOf(input: { logGroupName?: string | undefined; logGroupIdentifier?: string | undefined }): string {
  const group = input.logGroupName ?? input.logGroupIdentifier?.replace(/^arn:.*:log-group:/, "");
  if (group === undefined) throw new AwsError("InvalidParameterException", "logGroupName is required");
  return group;
}

function within(start: number | undefined, end: number | undefined): (event: LogEvent) => boolean {
  // The start counts, the end does not.
  return ({ timestamp }) => timestamp >= (start ?? -Infinity) && timestamp < (end ?? Infinity);
}

function page<T>(items: readonly T[], token: string | undefined, limit: number, most: number) {
  const start = token === undefined ? 0 : Number(token);
  if (!Number.isInteger(start)) throw new AwsError("InvalidParameterException", "The specified nextToken is invalid.");
  const end = start + Math.min(limit, most);
  return { items: items.slice(start, end), start, nextToken: end < items.length ? String(end) : undefined };
}
