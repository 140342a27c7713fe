import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { JsonObject } from "../../engine/core/json.ts";
import type { Connection } from "../../engine/core/operator.ts";
import { settingsOf } from "./connection-settings.ts";
import { rememberAction } from "./errors.ts";
import type { Service } from "./iam-actions.ts";

/**
 * submit: sends once. The SDK repeats a request after a lost reply, which for a service without a client token is a
 * second job (protocol rule 15). look: what may be repeated, the SDK repeats.
 */
export type Purpose = "submit" | "look";

/** What all our clients have in common. */
export interface ClientConfig {
  readonly region: string;
  readonly maxAttempts: number;
  readonly requestHandler: NodeHttpHandler;
  readonly endpoint?: string;
  readonly credentials?: Credentials | (() => Promise<Credentials>);
}

interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  readonly expiration?: Date;
}

/* eslint-disable @typescript-eslint/no-explicit-any -- the SDK types a stack by each command's own input and output */
interface Client {
  readonly middlewareStack: {
    add(
      middleware: (next: (args: any) => Promise<any>, context: { commandName?: string }) => (args: any) => Promise<any>,
      options: { step: "initialize"; name: string },
    ): void;
    remove(name: string): boolean;
  };
}
/* eslint-enable @typescript-eslint/no-explicit-any */

// A request is given up after the 10 s that protocol rule 16 counts on. requestTimeout alone only warns (measured).
const requestHandler = new NodeHttpHandler({
  connectionTimeout: 3_000,
  requestTimeout: 10_000,
  throwOnRequestTimeout: true,
  httpAgent: { keepAlive: true, maxSockets: 200 },
  httpsAgent: { keepAlive: true, maxSockets: 200 },
});

const clients = new WeakMap<JsonObject, Map<string, Client>>();

/** The one client of a connection for a service and purpose; `make` is called for the first caller only. */
export function clientOf<C extends Client>(
  connection: Connection,
  service: Service,
  purpose: Purpose,
  make: (config: ClientConfig) => C,
): C {
  const ofConnection = clients.get(connection.settings) ?? new Map<string, Client>();
  clients.set(connection.settings, ofConnection);
  const key = `${connection.region}/${service}/${purpose}`;
  const known = ofConnection.get(key);
  if (known) return known as C;
  const client = make(configOf(connection, service, purpose));
  // Nobody reads the SDK's log, and for it every answer is copied field by field: a sixth of what looks cost (measured).
  client.middlewareStack.remove("loggerMiddleware");
  client.middlewareStack.add(
    (next, { commandName = "" }) =>
      async (args) => {
        try {
          return (await next(args)) as unknown;
        } catch (error) {
          rememberAction(error, service, commandName.replace(/Command$/, ""));
          throw error;
        }
      },
    { step: "initialize", name: "nocturneActionOfError" },
  );
  ofConnection.set(key, client);
  return client;
}

function configOf(connection: Connection, service: Service, purpose: Purpose): ClientConfig {
  const { endpoints, role_arn, credentials } = settingsOf(connection);
  const endpoint = endpoints[service];
  const fixed = credentials && {
    accessKeyId: credentials.access_key_id,
    secretAccessKey: credentials.secret_access_key,
  };
  // The role is assumed with the connection's own credentials: those of sts itself are never the role's.
  const chosen = role_arn !== undefined && service !== "sts" ? () => assumeRole(connection, role_arn) : fixed;
  return {
    region: connection.region,
    maxAttempts: purpose === "submit" ? 1 : 3,
    requestHandler,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(chosen === undefined ? {} : { credentials: chosen }),
  };
}

/** One session name per connection, the same in every process: another process must be able to describe and cancel. */
async function assumeRole(connection: Connection, roleArn: string): Promise<Credentials> {
  const { AssumeRoleCommand, STSClient } = await import("@aws-sdk/client-sts");
  const sts = clientOf(connection, "sts", "look", (config) => new STSClient(config));
  const { Credentials: given } = await sts.send(
    new AssumeRoleCommand({
      RoleArn: roleArn,
      RoleSessionName: `nocturne-${connection.name.replace(/[^\w+=,.@-]/g, "-")}`.slice(0, 64),
      ExternalId: settingsOf(connection).external_id,
    }),
  );
  if (!given?.AccessKeyId || !given.SecretAccessKey) throw new Error(`${roleArn}: STS answered no credentials`);
  return {
    accessKeyId: given.AccessKeyId,
    secretAccessKey: given.SecretAccessKey,
    ...(given.SessionToken === undefined ? {} : { sessionToken: given.SessionToken }),
    ...(given.Expiration === undefined ? {} : { expiration: given.Expiration }),
  };
}
