import type { EngineSettings } from "../core/settings.ts";
import type { Store } from "../store/open.ts";
import { renewWriter, type Fence, type Life } from "../store/writer-row.ts";
import type { ClockMark, EngineClock } from "./clock.ts";
import type { Wake } from "./wake.ts";

/** The writer's row while it is ours. Its life is counted from before a renewal was sent (protocol rule 2). */
export class Lease {
  readonly fence: Fence;
  private readonly store: Store;
  private readonly clock: EngineClock;
  private readonly settings: EngineSettings;
  private isTaken = false;
  private validFrom: ClockMark = { monotonic: -Infinity, wall: -Infinity };
  private isRenewing = false;
  private timer: NodeJS.Timeout | null = null;

  constructor(store: Store, clock: EngineClock, fence: Fence, settings: EngineSettings) {
    this.store = store;
    this.clock = clock;
    this.fence = fence;
    this.settings = settings;
  }

  /** Renews the row once and sets the engine's clock; answers whether the row is still ours. */
  async renew(): Promise<boolean> {
    const sentAt = this.clock.mark();
    const now = await renewWriter(this.store, { ...this.fence, ttlMs: this.settings.writerTtlMs });
    if (now === null) {
      this.isTaken = true;
      return false;
    }
    this.validFrom = sentAt;
    this.clock.sync(now, sentAt);
    return true;
  }

  /** Renews on and on; rings `wake` when the row has been taken from us. */
  keep(onError: (error: unknown) => void, wake: Wake): void {
    const renew = async (): Promise<void> => {
      if (this.isRenewing) return;
      this.isRenewing = true;
      await this.renew()
        .catch(onError)
        .finally(() => (this.isRenewing = false));
      if (this.isTaken) wake.ring();
    };
    this.timer = setInterval(() => void renew(), this.settings.writerRenewMs);
  }

  get isLost(): boolean {
    // A suspended machine's monotonic clock may stand still: the greater of the two counts.
    const { monotonic, wall } = this.clock.mark();
    const elapsed = Math.max(monotonic - this.validFrom.monotonic, wall - this.validFrom.wall);
    return this.isTaken || elapsed > this.settings.writerTtlMs;
  }

  stop(): void {
    if (this.timer) clearInterval(this.timer);
  }
}

/** What a standby knows of the holder's life by its own clock: Postgres's may be set back, and the dead would live on. */
export class ForeignLife {
  private life: Life | null = null;
  private seenAt = 0;

  /** The row was seen to be held. */
  see({ epoch, expiresAt }: Life): void {
    if (this.life?.epoch === epoch && this.life.expiresAt === expiresAt) return;
    this.life = { epoch, expiresAt };
    this.seenAt = performance.now();
  }

  /** The life that has not been renewed for twice as long as one lasts; null: none that is known. */
  unrenewed(ttlMs: number): Life | null {
    return performance.now() - this.seenAt > 2 * ttlMs ? this.life : null;
  }
}
