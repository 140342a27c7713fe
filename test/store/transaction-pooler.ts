import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/**
 * A pooler in transaction mode, as far as one client at a time speaks: each session logs in by itself, and from then on all
 * of them share the first one's backend.
 */
export async function transactionPooler(
  databaseUrl: string,
): Promise<{ readonly url: string; close(): Promise<void> }> {
  const target = new URL(databaseUrl);
  const sockets = new Set<Socket>();
  let shared: Socket | undefined;
  let speaker: Socket | undefined;
  const server = createServer((client) => {
    const own = connect(Number(target.port), target.hostname);
    let isLoggedIn = false;
    for (const socket of [client, own]) sockets.add(socket.on("error", () => undefined));
    client.on("data", (data) => {
      if (!isLoggedIn) own.write(data);
      else if (data[0] !== "X".charCodeAt(0)) {
        speaker = client;
        shared?.write(data);
      }
    });
    own.on("data", (data) => {
      (own === shared ? speaker : client)?.write(data);
      if (isLoggedIn || data.at(-6) !== "Z".charCodeAt(0)) return;
      isLoggedIn = true;
      shared ??= own;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  };
  return { url: Object.assign(new URL(databaseUrl), { port: String(port) }).href, close };
}
