import type { Problem } from "../core/errors.ts";
import {
  DELIVERY_SETTINGS,
  outcomeOf,
  pauseMs,
  type DeliveryResult,
  type DeliverySettings,
} from "../core/notify/delivery.ts";
import { makeApprovalLink } from "../store/approval-links.ts";
import type { Store } from "../store/open.ts";
import { claimMails, endDelivery, outboxStatus, type ClaimedMail } from "../store/outbox.ts";
import type { MailDelivery } from "./mail.ts";
import { renderMail } from "./render.ts";

export interface AlerterSettings extends DeliverySettings {
  /** How often it looks when nobody rings. */
  readonly lookMs: number;
  /** How many mails are under way at once. */
  readonly atOnce: number;
  /** A mail is this process's own for so long: longer than any send takes, since another process sends it afterwards. */
  readonly leaseMs: number;
  /** How long `stop` waits for what is under way. */
  readonly stopMs: number;
}

export const ALERTER_SETTINGS: AlerterSettings = {
  ...DELIVERY_SETTINGS,
  lookMs: 1_000,
  atOnce: 4,
  leaseMs: 120_000,
  stopMs: 10_000,
};

export interface AlerterLog {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

export interface AlerterOptions {
  readonly store: Store;
  /** null: no way out is configured, and the mails wait. Closed by `stop`. */
  readonly delivery: MailDelivery | null;
  readonly publicUrl: string | null;
  /** Whether the work runs on this machine only: every mail then says LOCAL. */
  readonly local: boolean;
  readonly log: AlerterLog;
  /** Called when something keeps mails from going out, when that changes, and with null when it is over. */
  onTrouble(problem: Problem | null): void;
  readonly settings?: AlerterSettings;
}

export interface Alerter {
  /** Look now: a mail may have been written. */
  ring(): void;
  /** Resolves once nothing that may be sent now is due or under way. What waits for a next try does not count. */
  settled(): Promise<void>;
  /** Claims nothing more, lets what is under way finish, and closes the delivery. */
  stop(): Promise<void>;
}

/**
 * Sends what the outbox owes, in any number of processes at once. At least once: a mail whose answer was lost goes out again
 * under the same Message-ID.
 */
export const startAlerter = (options: AlerterOptions): Alerter => new OutboxAlerter(options);

class OutboxAlerter implements Alerter {
  readonly #options: AlerterOptions;
  readonly #settings: AlerterSettings;
  readonly #underWay = new Set<Promise<void>>();
  readonly #loop: Promise<void>;
  #isStopping = false;
  /** Set by `stop` once it has waited long enough: results that come after it are no longer written. */
  #isAbandoned = false;
  #isRung = true;
  #wake: (() => void) | null = null;
  #waiters: { readonly since: number; readonly resolve: () => void }[] = [];
  /** Looks begun so far: who waits for `settled` is only told of one that began afterwards. */
  #looks = 0;
  #failures = 0;
  #pausedUntil = 0;
  #trouble: Problem | null = null;
  #isStatusOld = true;
  #lastStoreError: string | null = null;

  constructor(options: AlerterOptions) {
    this.#options = options;
    this.#settings = options.settings ?? ALERTER_SETTINGS;
    this.#loop = this.#run();
  }

  ring(): void {
    this.#isRung = true;
    this.#wake?.();
  }

  async settled(): Promise<void> {
    if (this.#isStopping) return;
    await new Promise<void>((resolve) => {
      this.#waiters.push({ since: this.#looks, resolve });
      this.ring();
    });
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    this.ring();
    await this.#loop;
    let timer: NodeJS.Timeout | undefined;
    const longEnough = new Promise<void>((resolve) => (timer = setTimeout(resolve, this.#settings.stopMs)));
    await Promise.race([Promise.all(this.#underWay), longEnough]);
    clearTimeout(timer);
    this.#isAbandoned = true;
    await this.#options.delivery?.close();
    this.#release(Infinity);
  }

  async #run(): Promise<void> {
    while (!this.#isStopping) {
      this.#isRung = false;
      this.#looks += 1;
      const look = this.#looks;
      try {
        const claimed = await this.#claim();
        for (const mail of claimed) this.#send(mail);
        if (this.#isStatusOld || this.#trouble !== null || this.#options.delivery === null) await this.#tellTrouble();
        this.#lastStoreError = null;
        if (claimed.length === 0 && this.#underWay.size === 0) this.#release(look);
      } catch (error) {
        this.#tellStoreError(error as Error);
      }
      await this.#rest();
    }
  }

  async #claim(): Promise<ClaimedMail[]> {
    const { delivery, store } = this.#options;
    const { atOnce, leaseMs } = this.#settings;
    if (delivery === null || performance.now() < this.#pausedUntil) return [];
    // One mail tries whether a server that failed works again.
    const limit = this.#failures > 0 ? 1 - this.#underWay.size : atOnce - this.#underWay.size;
    return limit > 0 ? claimMails(store, { limit, leaseMs }) : [];
  }

  #send(mail: ClaimedMail): void {
    const sending = this.#deliver(mail)
      .catch((error: unknown) => this.#tellStoreError(error as Error))
      .finally(() => {
        this.#underWay.delete(sending);
        this.#isStatusOld = true;
        this.ring();
      });
    this.#underWay.add(sending);
  }

  async #deliver(mail: ClaimedMail): Promise<void> {
    const { store, delivery, log } = this.#options;
    if (delivery === null) return;
    const result = await this.#result(mail, delivery);
    if (this.#isAbandoned) return;
    this.#noteServer(result);
    const outcome = outcomeOf(result, mail, this.#settings);
    const { messageId, receiver, kind, tryNumber } = mail;
    const isWritten = await endDelivery(store, messageId, tryNumber, outcome, result.response);
    const details = { messageId, receiver, kind, tryNumber, response: result.response };
    if (!isWritten) log.warn(details, "this try took longer than its lease: another one counts");
    else if (outcome.kind === "accepted") log.info(details, "mail sent");
    else if (outcome.kind === "retried") log.warn({ ...details, ...outcome }, "mail not sent yet");
    else if (outcome.kind === "refused") log.error({ ...details, code: outcome.code }, "mail refused: not tried again");
    else log.error({ ...details, code: outcome.code }, "mail given up: it could not be sent for too long");
  }

  async #result(mail: ClaimedMail, delivery: MailDelivery): Promise<DeliveryResult> {
    try {
      const { messageId, receiver, kind, createdAt } = mail;
      const rendered = renderMail(mail, { ...this.#options, decideUrl: await this.#decideUrl(mail) });
      return await delivery.deliver({ ...rendered, messageId, receiver, kind, createdAt, dagId: mail.facts.dagId });
    } catch (error) {
      // A mail that cannot even be made is put off by itself: the others go on.
      this.#options.log.error({ err: error, messageId: mail.messageId }, "mail could not be made");
      return { kind: "retry", reason: "deferred", code: "INTERNAL", response: (error as Error).message };
    }
  }

  /** Each try of a mail has a link of its own: what an earlier one carried is in no row. */
  async #decideUrl({ facts, receiver }: ClaimedMail): Promise<string | null> {
    const { store, publicUrl } = this.#options;
    if (facts.approval === undefined || publicUrl === null) return null;
    return `${publicUrl.replace(/\/+$/, "")}/approvals/${await makeApprovalLink(store, facts.approval, receiver)}`;
  }

  #noteServer(result: DeliveryResult): void {
    const isServers = result.kind === "retry" && result.reason !== "deferred";
    // Mails that failed side by side are one failure of the server.
    if (isServers && performance.now() < this.#pausedUntil) return;
    this.#failures = isServers ? this.#failures + 1 : 0;
    this.#pausedUntil = performance.now() + pauseMs(this.#failures, this.#settings);
  }

  async #tellTrouble(): Promise<void> {
    this.#isStatusOld = false;
    const { pending, troubled } = await outboxStatus(this.#options.store);
    const trouble: Problem | null =
      this.#options.delivery === null
        ? pending === 0
          ? null
          : { code: "MAIL_NOT_CONFIGURED", message: "mails wait: no mail server is named" }
        : troubled && { code: troubled.code, message: `mails wait: ${troubled.message}` };
    if (trouble?.code === this.#trouble?.code && trouble?.message === this.#trouble?.message) return;
    this.#trouble = trouble;
    this.#options.onTrouble(trouble);
  }

  #tellStoreError(error: Error): void {
    this.#isStatusOld = true;
    if (error.message === this.#lastStoreError) return;
    this.#lastStoreError = error.message;
    this.#options.log.warn({ err: error }, "the outbox cannot be read or written just now");
  }

  #release(look: number): void {
    const isTold = (waiter: { since: number }): boolean => waiter.since < look;
    for (const waiter of this.#waiters.filter(isTold)) waiter.resolve();
    this.#waiters = this.#waiters.filter((waiter) => !isTold(waiter));
  }

  async #rest(): Promise<void> {
    if (this.#isRung || this.#isStopping) return;
    const untilPauseEnds = this.#pausedUntil - performance.now();
    const ms = untilPauseEnds > 0 ? Math.min(untilPauseEnds, this.#settings.lookMs) : this.#settings.lookMs;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#wake = null;
  }
}
