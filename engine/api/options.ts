import type { FastifyBaseLogger, FastifyInstance, RawServerDefault } from "fastify";
import type { ZodTypeProvider } from "fastify-type-provider-zod";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Instant } from "../core/json.ts";
import type { Store } from "../store/open.ts";
import type { ApiToken } from "../store/tokens.ts";

export interface ApiLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** How the process around the API stands, as only its composition root knows. */
export interface ServiceStatus {
  /** Every DAG has been read and published once. */
  readonly isReady: boolean;
  /** Whether readiness counts the writer: false in a process that only serves, which needs the database alone. Absent: true. */
  readonly needsWriter?: boolean;
  /** Why not; or what stays worth knowing. */
  readonly detail?: string | null;
  /** Why no mail can leave, when that is known without trying (no SMTP_URL). */
  readonly mailTrouble?: string | null;
}

export interface ApiOptions {
  readonly store: Store;
  readonly host: string;
  /** 0: any free one. */
  readonly port: number;
  readonly version: string;
  /** Postgres's clock, on the pace of the fleet. */
  now(): Instant;
  newRunId(now: Instant): string;
  status(): Promise<ServiceStatus>;
  readonly log: ApiLog;
  /** How long the writer's row is valid without a renewal: its last beat is counted back from it. */
  readonly writerTtlMs?: number;
  /** A client gets so long to send its request (10 s) … */
  readonly requestTimeoutMs?: number;
  /** … and an answer takes no longer than this (5 s): then it is 503. */
  readonly answerTimeoutMs?: number;
  /** How long a command waits for the writer (5 s). */
  readonly commandTimeoutMs?: number;
}

/** The server as routes see it: schemas are zod's. */
export type Api = FastifyInstance<
  RawServerDefault,
  IncomingMessage,
  ServerResponse,
  FastifyBaseLogger,
  ZodTypeProvider
>;

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks; null on an open path. */
    caller: ApiToken | null;
  }
  interface FastifyContextConfig {
    /** Answered without a token. */
    isOpen?: boolean;
  }
}
