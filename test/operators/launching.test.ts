import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { emrTerminate } from "../../operators/emr-terminate/operator.ts";
import { connectionTo, contextOf } from "./contexts.ts";
import { startStubAws, type Answer, type StubAws } from "./stub-aws.ts";

const TERMINATE = "ElasticMapReduce.TerminateJobFlows";

let aws: StubAws;
beforeAll(async () => {
  aws = await startStubAws();
});
afterAll(() => aws.stop());

/** What one submit says when EMR answers this way; and how often it was asked. */
async function submitted(answer: Answer, mayStillSend = () => true) {
  aws.on(TERMINATE, () => answer);
  const before = aws.calls.length;
  const result = await emrTerminate.submit({ cluster_id: "j-1" }, contextOf(connectionTo(aws.url), { mayStillSend }));
  return { result, sent: aws.calls.slice(before).filter((call) => call.operation === TERMINATE).length };
}

describe("rules 15 and 18: what an answer says about a submit", () => {
  it("is started when the service says so", async () => {
    expect(await submitted({ json: {} })).toEqual({ result: { kind: "started", ref: { cluster_id: "j-1" } }, sent: 1 });
  });

  it.each<[string, Answer]>([
    ["a lost reply", "reset"],
    ["an internal error", { error: "InternalServerException", status: 500 }],
    ["a proxy's page with 503", { raw: "<html>Service Unavailable</html>", status: 503, type: "text/html" }],
    ["a proxy's page with 403", { raw: "<html>Forbidden</html>", status: 403, type: "text/html" }],
    ["a 400 that nobody knows", { error: "SomethingNewException", status: 400 }],
    ["a request timeout", { error: "RequestTimeout", status: 408 }],
  ])("is a doubt after %s, and is sent once", async (_name, answer) => {
    const { result, sent } = await submitted(answer);
    expect(result.kind).toBe("doubt");
    expect(sent).toBe(1);
  });

  it("rule 16: a request without an answer is given up after the limit that a search counts on, and is a doubt", async () => {
    aws.on(TERMINATE, () => "silence");
    const context = contextOf(connectionTo(aws.url), { requestLimitMs: 50 });
    const result = await emrTerminate.submit({ cluster_id: "j-1" }, context);
    expect(result).toMatchObject({ kind: "doubt", message: expect.stringContaining(" 50 ms ") as string });
  });

  it("is a doubt when nobody listens", async () => {
    const gone = await startStubAws();
    await gone.stop();
    const result = await emrTerminate.submit({ cluster_id: "j-1" }, contextOf(connectionTo(gone.url)));
    expect(result).toMatchObject({ kind: "doubt", message: expect.stringContaining("ECONNREFUSED") as string });
  });

  it.each(["ThrottlingException", "Throttling", "RequestLimitExceeded", "TooManyRequestsException"])(
    "is throttled by %s, and is sent once",
    async (error) => {
      const { result, sent } = await submitted({ error, message: "Rate exceeded" });
      expect(result).toEqual({ kind: "throttled", message: `${error}: Rate exceeded` });
      expect(sent).toBe(1);
    },
  );

  it.each([
    ["UnrecognizedClientException", 400],
    ["InvalidSignatureException", 403],
    ["ExpiredTokenException", 400],
  ])("is refused for good by %s: the credentials are wrong", async (error, status) => {
    const { result } = await submitted({ error, status });
    expect(result).toMatchObject({ kind: "refused", failure: { class: "permanent", code: "AWS_CREDENTIALS" } });
  });

  it("is tried again soon when only the clock was off", async () => {
    const skewed: Answer = {
      error: "InvalidSignatureException",
      message: "Signature expired: 20260101T000000Z is now earlier than 20260101T005500Z",
      status: 403,
      headers: { date: new Date(Date.now() + 3_600_000).toUTCString() },
    };
    const { result, sent } = await submitted(skewed);
    expect(result).toMatchObject({ kind: "throttled", retryAfterMs: 1_000 });
    expect(sent).toBe(1);
  });

  it("names the missing action when it is denied", async () => {
    const { result } = await submitted({
      error: "AccessDeniedException",
      message: "no identity-based policy allows it",
    });
    expect(result).toMatchObject({
      kind: "refused",
      failure: {
        class: "denied",
        code: "AWS_DENIED",
        message:
          "elasticmapreduce:TerminateJobFlows is not allowed: AccessDeniedException: no identity-based policy allows it",
      },
    });
  });

  it("is refused for good by a modelled 4xx", async () => {
    const { result } = await submitted({ error: "ValidationException", message: "termination protected" });
    expect(result).toMatchObject({ kind: "refused", failure: { class: "permanent", code: "AWS_REFUSED" } });
  });

  it("rule 15: sends nothing once send_by has passed, asked after signing", async () => {
    let asked = 0;
    const { result, sent } = await submitted({ json: {} }, () => {
      asked += 1;
      return false;
    });
    expect({ result, sent, asked }).toEqual({
      result: { kind: "throttled", message: "send_by passed" },
      sent: 0,
      asked: 1,
    });
  });

  it("says which setting of nocturne.yaml is wrong before anything is sent", async () => {
    const connection = connectionTo(aws.url, { glue: { rolle: "x" }, artifacts: "artifacts" });
    const before = aws.calls.length;
    const result = await emrTerminate.submit({ cluster_id: "j-1" }, contextOf(connection));
    expect(result).toMatchObject({ kind: "refused", failure: { code: "CONFIG_INVALID", class: "permanent" } });
    expect(result).toMatchObject({ failure: { message: expect.stringContaining("connections.default.") as string } });
    expect(aws.calls.length).toBe(before);
  });
});

describe("a connection with a role", () => {
  it("assumes it once, under one session name, with its own credentials", async () => {
    const sts = await startStubAws();
    try {
      const expires = new Date(Date.now() + 3_600_000).toISOString();
      sts.on("POST /", () => ({
        raw: `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>
          <AccessKeyId>ASIAROLE</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>role-token</SessionToken>
          <Expiration>${expires}</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`,
        status: 200,
        type: "text/xml",
      }));
      sts.on(TERMINATE, () => ({ json: {} }));
      const connection = connectionTo(sts.url, {
        role_arn: "arn:aws:iam::000000000000:role/data",
        external_id: "acme",
      });
      for (const cluster_id of ["j-1", "j-2"]) {
        expect((await emrTerminate.submit({ cluster_id }, contextOf(connection))).kind).toBe("started");
      }
      const [assumed, ...ended] = sts.calls;
      expect(assumed?.headers.authorization).toContain("Credential=local/");
      expect(ended.map((call) => call.operation)).toEqual([TERMINATE, TERMINATE]);
      expect(ended.every((call) => call.headers["x-amz-security-token"] === "role-token")).toBe(true);
    } finally {
      await sts.stop();
    }
  });
});
