import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listIn, readJsonList } from "../../operators/aws/json-list.ts";
import { connectionTo, never } from "./contexts.ts";
import { startStubAws, type StubAws } from "./stub-aws.ts";

let aws: StubAws;
beforeEach(async () => {
  aws = await startStubAws();
});
afterEach(() => aws.stop());

const read = (bytes: string) => {
  aws.on("GET /bucket/list.json", () => ({ raw: bytes, status: 200, type: "application/json" }));
  return readJsonList("s3://bucket/list.json", connectionTo(aws.url), never);
};

describe("a list that lies in S3", () => {
  it("is a JSON array, or one JSON document a line", async () => {
    expect(await read('["a", {"b": 1}]')).toEqual(["a", { b: 1 }]);
    expect(listIn('{"store": 1}\n\n{"store": 2}\n')).toEqual([{ store: 1 }, { store: 2 }]);
    expect(listIn("")).toEqual([]);
  });

  it("may have 16 MiB and not a byte more", async () => {
    const most = 16 * 1024 * 1024;
    const list = JSON.stringify(["x".repeat(most - 4)]);
    expect(await read(list)).toHaveLength(1);
    await expect(read(`${list} `)).rejects.toThrow(`the list has more than ${most} bytes`);
  });

  it("that is no JSON says in which line", () => {
    expect(() => listIn('{"store": 1}\n{"store": ')).toThrow("this is no JSON in line 2");
    expect(() => listIn("[1, 2")).toThrow("expected a JSON array");
  });

  it("is refused when it is nested deeper than anybody could read", () => {
    const levels = 100_000;
    expect(() => listIn("[".repeat(levels) + "]".repeat(levels))).toThrow("nested more than 100 levels deep");
  });
});
