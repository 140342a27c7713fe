import { createServer } from "node:net";
import { NocturneError } from "../../core/errors.ts";

/** A port that nobody else gets until `release`. */
export interface ReservedPort {
  readonly port: number;
  release(): Promise<void>;
}

/**
 * Holds the port (0: a free one) from the first moment, so that a port that is taken is told before anything is started.
 * Who connects meanwhile is let go at once. Throws PORT_TAKEN, or USAGE for an address that is not this machine's.
 */
export async function reservePort(host: string, port: number): Promise<ReservedPort> {
  const server = createServer((socket) => socket.destroy());
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, resolve);
    });
  } catch (error) {
    throw explained(error as NodeJS.ErrnoException, host, port);
  }
  const address = server.address();
  let closing: Promise<void> | undefined;
  return {
    port: typeof address === "object" && address !== null ? address.port : port,
    release: () => (closing ??= new Promise((resolve) => server.close(() => resolve()))),
  };
}

function explained(error: NodeJS.ErrnoException, host: string, port: number): NocturneError {
  const cause = { cause: error };
  if (error.code === "EADDRINUSE") {
    return new NocturneError({ code: "PORT_TAKEN", message: `something else listens on ${host}:${port}` }, cause);
  }
  const why = error.code === "EACCES" ? "this user may not listen there" : `cannot be listened on: ${error.message}`;
  return new NocturneError({ code: "USAGE", message: `--host ${host} --port ${port}: ${why}` }, cause);
}
