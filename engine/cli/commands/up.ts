import { EXIT } from "../exit-codes.ts";
import { withStore, type Session } from "../session.ts";
import { reservePort } from "../up/reserve-port.ts";
import { runSystem } from "../up/system.ts";

interface UpOptions {
  readonly host: string;
  readonly port: number;
}

/** `up`: all roles in one process, or those of --roles, until it is asked to stop. */
export async function up(session: Session, _args: readonly string[], { host, port }: UpOptions): Promise<number> {
  session.stopping.isUsual = true;
  const config = await session.config();
  // Without the API nothing is listened on.
  const reserved = config.roles.includes("api") ? await reservePort(host, port) : null;
  try {
    const address = reserved && { host, reserved };
    await withStore(session, config, (store) => runSystem(session, config, store, address));
  } catch (error) {
    // Asked to stop while it was still starting: nothing was left half-done.
    if (!session.interrupted.aborted || error !== session.interrupted.reason) throw error;
  } finally {
    await reserved?.release();
  }
  return EXIT.done;
}
