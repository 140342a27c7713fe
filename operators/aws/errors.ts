import { NocturneError } from "../../engine/core/errors.ts";
import type { TaskFailure } from "../../engine/core/operator.ts";
import { iamActions, type Service } from "./iam-actions.ts";

/** What an error says about a request that may have started something. */
export type Classified =
  | { readonly kind: "throttled"; readonly message: string; readonly retryAfterMs?: number }
  | { readonly kind: "refused"; readonly failure: TaskFailure }
  | { readonly kind: "doubt"; readonly message: string };

/** The request was held back because its time had passed: certainly nothing was sent. */
export class NotSent extends Error {}

/** An error as the SDK makes it from a service's answer. */
interface ServiceError extends Error {
  readonly $fault: "client" | "server";
  readonly $metadata: { readonly httpStatusCode?: number };
}

const THROTTLED: ReadonlySet<string> = new Set([
  "Throttling",
  "ThrottlingException",
  "ThrottledException",
  "RequestThrottledException",
  "TooManyRequestsException",
  "RequestLimitExceeded",
  "BandwidthLimitExceeded",
  "ProvisionedThroughputExceededException",
  "SlowDown",
  "LimitExceededException",
  // The service is full, or somebody else changes the same thing just now: waiting helps, and costs no attempt.
  "ConcurrentRunsExceededException",
  "ResourceNumberLimitExceededException",
  "ActiveStatementsExceededException",
  "ActiveSessionsExceededException",
  "ConcurrentModificationException",
]);

const CREDENTIALS: ReadonlySet<string> = new Set([
  "CredentialsProviderError",
  "TokenProviderError",
  "UnrecognizedClientException",
  "InvalidSignatureException",
  "SignatureDoesNotMatch",
  "InvalidClientTokenId",
  "InvalidAccessKeyId",
  "MissingAuthenticationToken",
  "MissingAuthenticationTokenException",
  "IncompleteSignature",
  "IncompleteSignatureException",
  "AuthFailure",
  "ExpiredToken",
  "ExpiredTokenException",
]);

const DENIED: ReadonlySet<string> = new Set([
  "AccessDenied",
  "AccessDeniedException",
  "UnauthorizedOperation",
  "UnauthorizedException",
  "NotAuthorized",
  "OptInRequired",
]);

/** What AWS's own front answers for every service; the SDK's models of a service do not name these. */
const COMMON: ReadonlySet<string> = new Set([
  "ValidationException",
  "ValidationError",
  "InvalidAction",
  "InvalidParameterCombination",
  "InvalidParameterException",
  "InvalidParameterValue",
  "InvalidQueryParameter",
  "MalformedQueryString",
  "MissingAction",
  "MissingParameter",
  "SerializationException",
  "UnknownOperationException",
  "RequestEntityTooLarge",
]);

const actions = new WeakMap<object, string>();

/** Notes what the caller wanted to do, for a message that names the missing permission. */
export function rememberAction(error: unknown, service: Service, operation: string): void {
  if (typeof error === "object" && error !== null) actions.set(error, iamActions(service, operation)[0] ?? operation);
}

/** Whether a service answered with one of these errors. */
export const isNamed = (error: unknown, ...names: readonly string[]): error is Error =>
  error instanceof Error && names.includes(error.name);

/** "AccessDeniedException: User … is not authorized": one line for people. */
export function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = (error as NodeJS.ErrnoException).code;
  const message = error.message.replace(/\s+/g, " ").trim() || (code ?? "no message");
  return error.name === "Error" || message.startsWith(error.name) ? message : `${error.name}: ${message}`;
}

/**
 * Whether a request that failed may have done its work all the same (protocol rule 18): only a 4xx that the service's
 * model or AWS's front knows, and throttling, are certain. A lost reply, a timeout, a 5xx or a proxy's page is a doubt.
 */
export function classify(error: unknown): Classified {
  if (error instanceof NotSent) return { kind: "throttled", message: error.message };
  if (error instanceof NocturneError) {
    const { code = "INTERNAL", message = error.message } = error.problems[0] ?? {};
    return refused({ class: "permanent", code, message });
  }
  if (!(error instanceof Error)) return { kind: "doubt", message: String(error) };
  const message = textOf(error);
  if (THROTTLED.has(error.name)) return { kind: "throttled", message };
  if (isClockSkew(error)) return { kind: "throttled", message, retryAfterMs: 1_000 };
  if (CREDENTIALS.has(error.name)) return refused({ class: "permanent", code: "AWS_CREDENTIALS", message });
  if (!isCertain(error)) return { kind: "doubt", message };
  if (DENIED.has(error.name) || error.$metadata.httpStatusCode === 403) {
    const action = actions.get(error);
    const said = action === undefined || message.includes(action) ? message : `${action} is not allowed: ${message}`;
    return refused({ class: "denied", code: "AWS_DENIED", message: said });
  }
  return refused({ class: "permanent", code: "AWS_REFUSED", message });
}

const refused = (failure: TaskFailure): Classified => ({ kind: "refused", failure });

/** Our clock is off. The SDK has read the service's own from the answer: the next request is signed with that. */
const isClockSkew = (error: Error): boolean =>
  error.name === "RequestTimeTooSkewed" ||
  (error.name === "InvalidSignatureException" && /^Signature (expired|not yet current)/.test(error.message));

function isCertain(error: Error): error is ServiceError {
  const { $fault, $metadata } = error as Partial<ServiceError>;
  const status = $metadata?.httpStatusCode ?? 0;
  if ($fault !== "client" || status < 400 || status >= 500 || status === 408) return false;
  // A modelled error is an instance of the class of its own name; others are of the service's general class.
  return error.constructor.name === error.name || DENIED.has(error.name) || COMMON.has(error.name);
}
