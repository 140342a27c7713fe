import type { Command } from "../core/commands.ts";
import type { RunRows } from "../core/machine/run-rows.ts";
import type { World } from "../core/machine/world.ts";
import { pendingCommands } from "../store/inbox.ts";
import type { Store } from "../store/open.ts";
import { newRuns } from "./inbox.ts";

/** What a look into the inbox has found. */
export interface Found {
  readonly commands: readonly Command[];
  /** Of the runs to adopt those that this term has never had in memory, with their rows. */
  readonly fresh: ReadonlyMap<string, RunRows>;
}

/** The flushes of a term by number: the one that gathers, and the last that was acknowledged. */
interface Numbered {
  readonly gathering: number;
  readonly landed: number;
}

/**
 * The inbox as one term reads it: beside its turns, so that a burst of wishes holds up no task. What a look has found is taken
 * before the next begins; what was carried out and is not durable yet still stands there as pending, and is left out.
 */
export class Wishes {
  private readonly store: Store;
  private readonly world: World;
  private readonly flushes: Numbered;
  private readonly loaded: ReadonlySet<string>;
  private readonly wake: () => void;
  private hasRung = false;
  private isLooking = false;
  private found: Found | null = null;
  private failure: Error | null = null;
  /** Commands with the flush that they go with. */
  private readonly carriedOut = new Map<string, number>();

  /** `loaded`: runs that the term began with although nobody has adopted them; they may have left memory again. */
  constructor(store: Store, world: World, flushes: Numbered, loaded: ReadonlySet<string>, wake: () => void) {
    this.store = store;
    this.world = world;
    this.flushes = flushes;
    this.loaded = loaded;
    this.wake = wake;
  }

  /** Something may have come in: looks, or looks again once what was found has been taken. */
  ring(): void {
    this.hasRung = true;
    if (!this.isLooking && !this.found && !this.failure) void this.look();
  }

  /** What the last look has found; throws what made it fail. The caller says when it is through with it: `next`. */
  take(): Found | null {
    if (this.failure) throw this.failure;
    return this.found;
  }

  /** What was taken has been carried out. */
  next(): void {
    this.found = null;
    if (this.hasRung) void this.look();
  }

  /** This one is decided: it is not found again before that is durable. */
  carried({ id }: Command): void {
    this.carriedOut.set(id, this.flushes.gathering);
  }

  /** Looks although nothing has rung; nobody does who has not waited for the look before. */
  async look(): Promise<void> {
    this.hasRung = false;
    this.isLooking = true;
    for (const [id, flush] of this.carriedOut) if (flush <= this.flushes.landed) this.carriedOut.delete(id);
    try {
      const commands = await pendingCommands(this.store, [...this.carriedOut.keys()]);
      const isKnown = (runId: string): boolean => this.world.runs.has(runId) || this.loaded.has(runId);
      if (commands.length > 0) this.found = { commands, fresh: await newRuns(this.store, isKnown, commands) };
    } catch (error) {
      this.failure = error instanceof Error ? error : new Error(String(error));
    }
    this.isLooking = false;
    if (this.found || this.failure) this.wake();
    else if (this.hasRung) void this.look();
  }
}
