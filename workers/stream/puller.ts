/**
 * Keeps a durable pull consumer flowing: asks for as many messages as there is room for, and asks again whenever an
 * ask was lost.
 *
 * Invariants:
 *  puller/Q1 Messages asked for plus messages held never exceed the capacity, except for what a server still sends for
 *     an ask that was given up as lost.
 *  puller/Q2 Whatever ends an ask (expiry, a deleted consumer, a server's death, silence), another follows within about
 *     two seconds of the consumer being there again. The client library's own loop takes up to 30 s after a 409.
 *
 * Only MSG.NEXT is needed, no right to look at or create a consumer (I7).
 */
import { consumeExpiresMs, consumeHeartbeatMs } from '@distillery/protocol';
import { createInbox, type Msg, type Subscription } from '@nats-io/transport-node';

import type { StreamLink } from './connect.js';

export interface PullerOptions {
  readonly stream: string;
  readonly consumer: string;
  /** Messages held and asked for at most. */
  readonly capacity: number;
  /** Called once a message; the receiver calls `release` when it has room again. */
  readonly onMessage: (message: Msg) => void;
}

const nanosecondsPerMs = 1_000_000;
/** Silence longer than this means that the asks are lost. */
const silenceLimitMs = 2.5 * consumeHeartbeatMs;
const firstDelayMs = 50;
const longestDelayMs = 1_000;
/** A server that is up confirms the end of a subscription in milliseconds. */
const drainLimitMs = 500;
/** Statuses of the server that say nothing about the ask. */
const idleHeartbeat = 100;

interface Ask {
  remaining: number;
  readonly endsAtMs: number;
}

export class Puller {
  readonly #link: StreamLink;
  readonly #options: PullerOptions;
  readonly #inbox: string;
  readonly #subscription: Subscription;
  readonly #asks = new Map<string, Ask>();
  readonly #stopping = new AbortController();
  readonly #unfollow: (() => void)[];
  #held = 0;
  #nextAsk = 0;
  #heardAtMs: number;
  #delayMs = firstDelayMs;
  #pausedUntilMs = 0;

  constructor(link: StreamLink, options: PullerOptions) {
    this.#link = link;
    this.#options = options;
    this.#heardAtMs = link.clock.now();
    // The inbox prefix of this user: no other may read what is delivered (I7).
    this.#inbox = createInbox(link.inboxPrefix);
    this.#subscription = link.connection.subscribe(`${this.#inbox}.*`, {
      callback: (error, message) => {
        if (error === null) this.#receive(message);
        else link.log.error(`pulling from ${options.stream}: ${error.message}`);
      },
    });
    const restart = (): void => {
      this.#asks.clear();
      this.#resume();
    };
    this.#unfollow = [link.onReconnect(restart), link.onDisconnect(() => this.#asks.clear())];
    void this.#watch();
    this.#ask();
  }

  /** One message less is held. */
  release(): void {
    this.#held -= 1;
    this.#ask();
  }

  /**
   * Stops asking. Messages on their way are still given to `onMessage`, so that they can be given back; resolves when
   * no more can come.
   */
  async stop(): Promise<void> {
    if (this.#stopping.signal.aborted) return;
    this.#stopping.abort();
    for (const unfollow of this.#unfollow) unfollow();
    const drained = this.#subscription.drain().catch(() => undefined);
    // Without a connection nothing is on its way, and nothing would confirm the end.
    if (this.#link.connected) await Promise.race([drained, this.#link.clock.sleep(drainLimitMs)]);
  }

  #receive(message: Msg): void {
    this.#heardAtMs = this.#link.clock.now();
    if (!message.subject.startsWith(this.#inbox)) {
      this.#held += 1;
      this.#delayMs = firstDelayMs;
      this.#countOff();
      this.#options.onMessage(message);
      this.#ask();
      return;
    }
    const status = message.headers?.code ?? 0;
    if (status === idleHeartbeat) return;
    // 404 and 408: the ask ended without a message. 409: consumer deleted, leader changed, server going down.
    // 503: there is no such consumer, yet or any more.
    this.#asks.delete(message.subject);
    if (status === 404 || status === 408) this.#ask();
    else this.#pause();
  }

  /** Messages do not say which ask they answer; the server serves the oldest first. */
  #countOff(): void {
    for (const [inbox, ask] of this.#asks) {
      ask.remaining -= 1;
      if (ask.remaining === 0) this.#asks.delete(inbox);
      return;
    }
  }

  #ask(): void {
    const { clock, connected, connection } = this.#link;
    const { stream, consumer, capacity } = this.#options;
    if (this.#stopping.signal.aborted || !connected || connection.isClosed()) return;
    if (clock.now() < this.#pausedUntilMs) return;
    let batch = capacity - this.#held;
    for (const { remaining } of this.#asks.values()) batch -= remaining;
    // A large buffer is refilled in quarters, not by one ask for every message.
    const least = this.#asks.size === 0 ? 1 : Math.ceil(capacity / 4);
    if (batch < least) return;
    const inbox = `${this.#inbox}.${this.#nextAsk++}`;
    if (this.#asks.size === 0) this.#heardAtMs = clock.now();
    this.#asks.set(inbox, { remaining: batch, endsAtMs: clock.now() + consumeExpiresMs });
    const request = {
      batch,
      expires: consumeExpiresMs * nanosecondsPerMs,
      idle_heartbeat: consumeHeartbeatMs * nanosecondsPerMs,
    };
    connection.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${consumer}`, JSON.stringify(request), { reply: inbox });
  }

  #pause(): void {
    this.#pausedUntilMs = this.#link.clock.now() + this.#delayMs;
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(delayMs * 2, longestDelayMs);
    void this.#link.clock.sleep(delayMs, this.#stopping.signal).then(() => this.#resume());
  }

  #resume(): void {
    this.#pausedUntilMs = 0;
    this.#ask();
  }

  /** Gives up asks that are overdue, and all of them when the server has fallen silent. */
  async #watch(): Promise<void> {
    const { clock } = this.#link;
    const { signal } = this.#stopping;
    while (!signal.aborted && !this.#link.connection.isClosed()) {
      await clock.sleep(consumeHeartbeatMs / 2, signal);
      const now = clock.now();
      const silent = now - this.#heardAtMs > silenceLimitMs;
      for (const [inbox, ask] of this.#asks) {
        if (silent || now > ask.endsAtMs + consumeHeartbeatMs) this.#asks.delete(inbox);
      }
      this.#ask();
    }
  }
}
