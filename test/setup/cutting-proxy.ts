import { connect, createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { bindOf, Messages, simpleQuery, textAt, type Message } from "./wire-messages.ts";

/** What a client asks of the server up to the next ReadyForQuery. */
export interface Request {
  readonly text: string;
  /** As text; empty for a simple query. */
  readonly values: readonly (string | null)[];
  /** The text before it on the same connection. */
  readonly before: string;
}

/** lose_request: the server never sees it. lose_reply: the server does it, and nobody hears of it. Then the connection is cut. */
export type Verdict = "pass" | "lose_request" | "lose_reply";

/** A road to a Postgres that understands enough of what passes to cut a connection at the worst moment. */
export class CuttingProxy {
  readonly url: string;
  /** Asked about every request, in the order of each connection. */
  judge: (request: Request) => Verdict = () => "pass";
  /** What the server is asked instead of a simple query. */
  rewrite: (text: string) => string = (text) => text;
  private readonly server: Server;
  private readonly target: URL;
  private readonly sockets = new Set<Socket>();
  private readonly roads = new Set<Socket>();

  private constructor(server: Server, target: URL) {
    this.server = server;
    this.target = target;
    const { port } = server.address() as AddressInfo;
    this.url = Object.assign(new URL(target), { hostname: "127.0.0.1", port: String(port) }).href;
    server.on("connection", (near) => this.carry(near));
  }

  static async to(databaseUrl: string): Promise<CuttingProxy> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new CuttingProxy(server, new URL(databaseUrl));
  }

  /** By which the server knows the connections that come this way (pg_stat_activity.client_port). */
  get ports(): readonly number[] {
    return [...this.roads].flatMap(({ localPort }) => localPort ?? []);
  }

  async close(): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private carry(near: Socket): void {
    const far = connect(Number(this.target.port), this.target.hostname);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.sockets.add(socket.setNoDelay(true));
      socket.on("error", () => undefined);
      socket.on("close", () => {
        this.sockets.delete(socket);
        other.destroy();
      });
    }
    this.roads.add(far);
    far.on("close", () => this.roads.delete(far));
    const conversation = new Conversation(near, far, this);
    near.on("data", (chunk: Buffer) => conversation.asked(chunk));
    far.on("data", (chunk: Buffer) => conversation.answered(chunk));
  }
}

/** One connection: requests are held until they are whole, answers belong to the oldest request that has none. */
class Conversation {
  private readonly near: Socket;
  private readonly far: Socket;
  private readonly proxy: Pick<CuttingProxy, "judge" | "rewrite">;
  private readonly fromClient = new Messages(true);
  private readonly fromServer = new Messages(false);
  private readonly prepared = new Map<string, string>();
  private readonly unanswered: Verdict[] = [];
  private held: Message[] = [];
  private before = "";
  private isCut = false;

  constructor(near: Socket, far: Socket, proxy: Pick<CuttingProxy, "judge" | "rewrite">) {
    this.near = near;
    this.far = far;
    this.proxy = proxy;
  }

  asked(chunk: Buffer): void {
    for (const message of this.fromClient.take(chunk)) {
      if (this.isCut) return;
      this.held.push(message);
      // Parse, Bind, Describe, Execute and Close wait for the Sync that makes them a request.
      if ("PBDEC".includes(message.type) && message.type !== "") continue;
      this.send(message.type === "Q" || message.type === "S");
    }
  }

  answered(chunk: Buffer): void {
    for (const { type, bytes } of this.fromServer.take(chunk)) {
      const isLost = this.unanswered[0] === "lose_reply";
      if (!isLost) this.near.write(bytes);
      if (type !== "Z") continue;
      this.unanswered.shift();
      if (isLost) {
        this.cut();
        return;
      }
    }
  }

  private send(isRequest: boolean): void {
    const messages = this.held.splice(0);
    if (isRequest) {
      const request = this.read(messages);
      const verdict = this.proxy.judge(request);
      if (verdict === "lose_request") {
        this.cut();
        return;
      }
      this.unanswered.push(verdict);
      this.before = request.text;
    }
    for (const message of messages) this.far.write(message.type === "Q" ? this.rewritten(message) : message.bytes);
  }

  private rewritten({ body, bytes }: Message): Buffer {
    const { text } = textAt(body, 0);
    const instead = this.proxy.rewrite(text);
    return instead === text ? bytes : simpleQuery(instead);
  }

  private read(messages: readonly Message[]): Request {
    let text = "";
    let values: readonly (string | null)[] = [];
    for (const { type, body } of messages) {
      if (type === "Q") text = textAt(body, 0).text;
      if (type === "P") {
        const { text: name, next } = textAt(body, 0);
        text = textAt(body, next).text;
        this.prepared.set(name, text);
      }
      if (type === "B") {
        const bind = bindOf(body);
        text = this.prepared.get(bind.statement) ?? "";
        values = bind.values;
      }
    }
    return { text, values, before: this.before };
  }

  /** What was handed on before goes out first: the server does it or has done it. */
  private cut(): void {
    this.isCut = true;
    this.far.end();
    this.near.destroy();
  }
}
