import type { IncomingMessage } from "node:http";
import { AwsError } from "../contract.ts";
import { escapeXml, type Reply } from "./reply.ts";

const XML = { "content-type": "text/xml" };

/** awsQuery: a form posted to the root. */
export function isQueryRequest(message: IncomingMessage): boolean {
  return (
    message.method === "POST" &&
    String(message.headers["content-type"] ?? "").startsWith("application/x-www-form-urlencoded")
  );
}

/** STS knows one caller: the root of the local account. */
export function stsReply(action: string, accountId: string, requestId: string): Reply {
  if (action !== "GetCallerIdentity") {
    throw new AwsError("InvalidAction", `Could not find operation ${action} for version 2011-06-15`);
  }
  const body =
    `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>` +
    `<Arn>arn:aws:iam::${accountId}:root</Arn><UserId>${accountId}</UserId><Account>${accountId}</Account>` +
    `</GetCallerIdentityResult><ResponseMetadata><RequestId>${requestId}</RequestId></ResponseMetadata>` +
    `</GetCallerIdentityResponse>`;
  return { status: 200, headers: XML, body };
}

export function stsErrorReply(error: AwsError, requestId: string): Reply {
  const body =
    `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type>` +
    `<Code>${escapeXml(error.code)}</Code><Message>${escapeXml(error.message)}</Message></Error>` +
    `<RequestId>${requestId}</RequestId></ErrorResponse>`;
  return { status: error.httpStatus, headers: XML, body };
}
