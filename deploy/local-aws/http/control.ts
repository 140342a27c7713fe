import type { IncomingMessage } from "node:http";
import { text } from "node:stream/consumers";
import { AwsError, type JsonService } from "../contract.ts";
import { sparkEngine } from "../compute/spark-scripts.ts";
import type { Faults } from "../faults.ts";
import type { ScaledClock } from "../scaled-clock.ts";
import type { Address } from "./route.ts";
import { jsonReply, type Reply } from "./reply.ts";

/** What tests and people ask of local-aws itself: /_local/health, calls, runs, faults, stop. */
export class Control {
  readonly #id: string;
  readonly #clock: ScaledClock;
  readonly #faults: Faults;
  readonly #services: readonly JsonService[];
  readonly #stop: () => void;
  readonly #calls = new Map<string, number>();

  constructor(id: string, clock: ScaledClock, faults: Faults, services: readonly JsonService[], stop: () => void) {
    this.#id = id;
    this.#clock = clock;
    this.#faults = faults;
    this.#services = services;
    this.#stop = stop;
  }

  count(operation: string): void {
    this.#calls.set(operation, (this.#calls.get(operation) ?? 0) + 1);
  }

  async reply(message: IncomingMessage, url: Address): Promise<Reply> {
    // No program that is meant to steer local-aws is a web page; a browser that was talked into it says where it comes from.
    if (message.headers.origin !== undefined) return jsonReply(403, { error: "not for web pages" });
    switch (`${message.method} ${url.path}`) {
      case "GET /_local/health":
        return jsonReply(200, this.#health());
      case "GET /_local/calls":
        return jsonReply(200, Object.fromEntries([...this.#calls].sort(([a], [b]) => (a < b ? -1 : 1))));
      case "GET /_local/runs":
        return jsonReply(
          200,
          this.#services.flatMap((service) => service.remoteJobs()),
        );
      case "GET /_local/faults":
        return jsonReply(200, this.#faults.list());
      case "DELETE /_local/faults":
        this.#faults.clear();
        return jsonReply(200, []);
      case "POST /_local/faults":
        return this.#addFault(await text(message));
      case "POST /_local/stop":
        // After the answer is on its way.
        setImmediate(this.#stop);
        return jsonReply(200, { stopping: true });
      default:
        return jsonReply(404, {
          error: `no ${message.method} ${url.path}: health, calls, runs, faults and stop exist`,
        });
    }
  }

  #health(): object {
    const { factor, realFrom, engineFrom } = this.#clock.anchor;
    const clock = { factor, real_from: realFrom, engine_from: engineFrom };
    return { id: this.#id, ok: true, pid: process.pid, engine: sparkEngine(), clock };
  }

  #addFault(body: string): Reply {
    try {
      this.#faults.add(JSON.parse(body));
      return jsonReply(200, this.#faults.list());
    } catch (error) {
      if (error instanceof AwsError) return jsonReply(400, { error: error.message });
      return jsonReply(400, { error: "the fault is not JSON" });
    }
  }
}
