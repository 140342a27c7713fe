import { connect, createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

/** A road to a Postgres that a test can cut (refused at once) or block (nothing comes back). */
export class Gateway {
  readonly url: string;
  private readonly server: Server;
  private readonly target: URL;
  private readonly pairs = new Set<readonly [Socket, Socket]>();
  private isCut = false;

  private constructor(server: Server, target: URL) {
    this.server = server;
    this.target = target;
    const { port } = server.address() as AddressInfo;
    this.url = Object.assign(new URL(target), { hostname: "127.0.0.1", port: String(port) }).href;
    server.on("connection", (near) => {
      this.carry(near);
    });
  }

  static async to(databaseUrl: string): Promise<Gateway> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new Gateway(server, new URL(databaseUrl));
  }

  /** As when Postgres is down. */
  cut(): void {
    this.isCut = true;
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  /** As when the network swallows everything. */
  block(): void {
    for (const [near, far] of this.pairs) {
      near.unpipe(far);
      far.unpipe(near);
    }
  }

  mend(): void {
    this.isCut = false;
    for (const pair of this.pairs) for (const socket of pair) socket.destroy();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private carry(near: Socket): void {
    if (this.isCut) {
      near.destroy();
      return;
    }
    const far = connect(Number(this.target.port), this.target.hostname);
    const pair = [near, far] as const;
    this.pairs.add(pair);
    for (const [socket, other] of [pair, [far, near]] as const) {
      socket.pipe(other);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        other.destroy();
        this.pairs.delete(pair);
      });
    }
  }
}
