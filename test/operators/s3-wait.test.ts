import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { s3Wait } from "../../operators/s3-wait/operator.ts";
import { connectionTo, contextOf, never, observed } from "./contexts.ts";
import { startStubAws, type Answer, type StubAws } from "./stub-aws.ts";

let aws: StubAws;
beforeEach(async () => {
  aws = await startStubAws();
});
afterEach(() => aws.stop());

const listing = (...keys: string[]): Answer => ({
  raw: `<ListBucketResult>${keys.map((key) => `<Contents><Key>${key}</Key><Size>3</Size><LastModified>2026-01-01T00:00:00Z</LastModified></Contents>`).join("")}</ListBucketResult>`,
  status: 200,
  type: "application/xml",
});
const failing = (status: number, code: string): Answer => ({
  raw: `<Error><Code>${code}</Code><Message>said the stub</Message></Error>`,
  status,
  type: "application/xml",
});

async function look(uri: string, answer: Answer) {
  aws.on("GET /b", () => answer);
  aws.on("GET /b/", () => answer);
  const context = contextOf(connectionTo(aws.url));
  return (await s3Wait.observe([observed({ uri }, context)], never))[0];
}

describe("s3.wait", () => {
  it("waits for exactly that object, not for one whose key only begins like it", async () => {
    expect(await look("s3://b/dt=1/_SUCCESS", listing("dt=1/_SUCCESS.crc"))).toEqual({
      kind: "running",
      detail: "waiting for s3://b/dt=1/_SUCCESS",
    });
    expect(await look("s3://b/dt=1/_SUCCESS", listing("dt=1/_SUCCESS", "dt=1/_SUCCESS.crc"))).toEqual({
      kind: "succeeded",
      output: {
        uri: "s3://b/dt=1/_SUCCESS",
        found: "s3://b/dt=1/_SUCCESS",
        size: 3,
        modified_at: "2026-01-01T00:00:00.000Z",
      },
    });
  });

  it("waits for any object below a prefix; the one that stands for the folder is none", async () => {
    expect((await look("s3://b/dt=1/", listing("dt=1/")))?.kind).toBe("running");
    expect(await look("s3://b/dt=1/", listing("dt=1/", "dt=1/a"))).toMatchObject({
      output: { found: "s3://b/dt=1/a" },
    });
  });

  it("ends when waiting cannot help, and goes on when it can", async () => {
    expect(await look("s3://b/k", failing(404, "NoSuchBucket"))).toMatchObject({
      kind: "failed",
      failure: {
        class: "permanent",
        code: "AWS_REFUSED",
        message: expect.stringContaining("the bucket b does not exist") as string,
      },
    });
    expect(await look("s3://b/k", failing(403, "AccessDenied"))).toMatchObject({
      kind: "failed",
      failure: { class: "denied", message: expect.stringContaining("s3:ListBucket") as string },
    });
    expect(await look("s3://b/k", "reset")).toMatchObject({
      kind: "running",
      detail: expect.stringContaining("the last look failed") as string,
    });
  });
});
