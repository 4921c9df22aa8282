/**
 * The operator's link to NATS: connected, not connected yet, or disconnected, with the reason.
 *
 * Invariants:
 *  link/N1 Until `close` the link tries to connect, after every failure: an operator outlives its server, and starts
 *     before it.
 *  link/N2 A subscription is made once and lasts over every connection; its `onGap` runs when it may have missed
 *     a message.
 *  link/N3 Without a connection nothing is sent and nothing waits: `manager` throws the reason.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { type Caller, firstDelayMs, nextDelayMs } from '@distillery/nats';
import { printableAddress } from '@distillery/protocol';
import { type JetStreamManager, jetstreamManager } from '@nats-io/jetstream';
import type { NatsConnection, Subscription } from '@nats-io/transport-node';

import { dial, type DialOptions, dialWithin } from './connect.js';
import { StreamError } from '../errors/index.js';
import { operatorInboxPrefix } from '../access/index.js';

export interface LinkOptions extends DialOptions {
  readonly onStatus?: (event: ConnectionEvent) => void;
  /** Makes a connection by one or several attempts; absent = one attempt. */
  readonly through?: (attempt: () => Promise<NatsConnection>) => Promise<NatsConnection>;
}

export type ConnectionEvent =
  | { readonly kind: 'connected' }
  /** No connection yet, or lost for good; reported once for each reason. */
  | { readonly kind: 'unreachable'; readonly reason: string }
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'reconnected' }
  | { readonly kind: 'error'; readonly message: string };

/** Whether NATS can be used now, for readiness. */
export type StreamHealth = { readonly connected: true } | { readonly connected: false; readonly reason: string };

interface Session {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

interface Watcher {
  readonly subject: string;
  readonly onMessage: (subject: string) => void;
  /** Messages may have passed unheard. */
  readonly onGap: () => void;
  subscription: Subscription | null;
}

/** An answer of a healthy server takes milliseconds. */
const requestLimitMs = 3_000;
/** All servers have answered when none has for this long. */
const lastAnswerMs = 500;
/** Servers of one cluster, or of several that are joined; further answers are not read. */
const mostAnswers = 256;
/** A server's figures take about 1 KiB, and a few more where it has peers. */
const longestAnswerBytes = 64 * 1024;
const operator: Caller = { name: 'distillery-operator', inboxPrefix: operatorInboxPrefix };

export class OperatorLink {
  readonly #options: LinkOptions;
  readonly #watchers = new Set<Watcher>();
  readonly #closing = new AbortController();
  readonly #settled = Promise.withResolvers<undefined>();
  #session: Session | null = null;
  #health: StreamHealth;

  private constructor(options: LinkOptions) {
    this.#options = options;
    this.#health = { connected: false, reason: `NATS at ${printableAddress(options.url)}: not connected yet` };
  }

  /** @throws StreamError when there is no first connection within the limit; the signal's reason once it aborts */
  static async connect(
    options: LinkOptions & { readonly waitMs: number; readonly stop?: AbortSignal | undefined },
  ): Promise<OperatorLink> {
    const first = await sessionOf(await dialWithin(options.waitMs, options, operator));
    const link = new OperatorLink(options);
    link.#begin(first);
    void link.#keep(first);
    return link;
  }

  /** At once, connected or not. */
  static open(options: LinkOptions): OperatorLink {
    const link = new OperatorLink(options);
    void link.#keep(null);
    return link;
  }

  get health(): StreamHealth {
    return this.#health;
  }

  /** Resolves when the first attempt to connect has ended, however it ended. */
  async settled(): Promise<void> {
    await this.#settled.promise;
  }

  /**
   * A request to any listener, such as the server itself.
   * @throws StreamError unreachable while there is no connection (link/N3); otherwise what the client library throws
   */
  async request(subject: string, payload: string): Promise<string> {
    const answer = await this.#connected().connection.request(subject, payload, { timeout: requestLimitMs });
    return answer.string();
  }

  /**
   * A request that every server answers. Returns their answers, without those that are too long.
   * @throws StreamError unreachable while there is no connection (link/N3); otherwise what the client library throws
   */
  async requestAll(subject: string): Promise<string[]> {
    const { connection } = this.#connected();
    const limits = { maxWait: requestLimitMs, stall: lastAnswerMs };
    const found: string[] = [];
    let answers = 0;
    for await (const answer of await connection.requestMany(subject, '', { strategy: 'stall', ...limits })) {
      if (answer.data.length <= longestAnswerBytes) found.push(answer.string());
      if (++answers === mostAnswers) break;
    }
    return found;
  }

  /** Version of the last server, such as `2.14.5`. */
  get serverVersion(): string {
    return this.#session?.connection.info?.version ?? 'unknown';
  }

  /** @throws StreamError unreachable while there is no connection (link/N3) */
  get manager(): JetStreamManager {
    return this.#connected().manager;
  }

  #connected(): Session {
    const health = this.#health;
    if (!health.connected) throw new StreamError('unreachable', { about: '', problem: health.reason, remedy: '' });
    if (this.#session === null) throw new Error('a link that is connected has a session');
    return this.#session;
  }

  /** @returns ends it */
  subscribe(subject: string, onMessage: Watcher['onMessage'], onGap: Watcher['onGap']): () => void {
    const watcher: Watcher = { subject, onMessage, onGap, subscription: null };
    this.#watchers.add(watcher);
    if (this.#session !== null) listen(watcher, this.#session);
    return () => {
      this.#watchers.delete(watcher);
      watcher.subscription?.unsubscribe();
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#settled.resolve(undefined);
    await this.#session?.connection.close();
  }

  /** link/N1. One turn of the loop is one connection, from its beginning until the client has given it up. */
  async #keep(first: Session | null): Promise<void> {
    for (let session = first ?? (await this.#dialForEver()); session !== null; session = await this.#dialForEver()) {
      await this.#follow(session.connection);
      const reason = await session.connection.closed();
      this.#lack(`the connection to NATS is closed${reason instanceof Error ? ` (${reason.message})` : ''}`);
    }
  }

  /** Until there is a session; null when the link is closed. */
  async #dialForEver(): Promise<Session | null> {
    const { signal } = this.#closing;
    for (let delayMs = firstDelayMs; !this.#isClosed(); delayMs = nextDelayMs(delayMs)) {
      try {
        const { through = onlyOnce } = this.#options;
        const session = await sessionOf(await through(() => dial(this.#options, operator)));
        if (!this.#isClosed()) {
          this.#begin(session);
          return session;
        }
        await session.connection.close();
      } catch (error) {
        this.#lack(error instanceof Error ? error.message : String(error));
      }
      await sleep(delayMs, undefined, { signal }).catch(() => undefined);
    }
    return null;
  }

  #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #begin(session: Session): void {
    this.#session = session;
    this.#health = { connected: true };
    this.#settled.resolve(undefined);
    this.#options.onStatus?.({ kind: 'connected' });
    for (const watcher of this.#watchers) listen(watcher, session);
  }

  #lack(reason: string): void {
    if (this.#isClosed()) return;
    const known = !this.#health.connected && this.#health.reason === reason;
    this.#health = { connected: false, reason };
    this.#settled.resolve(undefined);
    if (!known) this.#options.onStatus?.({ kind: 'unreachable', reason });
  }

  /** Ends when the connection is closed for good. */
  async #follow(connection: NatsConnection): Promise<void> {
    const { onStatus = () => undefined } = this.#options;
    for await (const status of connection.status()) {
      switch (status.type) {
        case 'disconnect':
          this.#health = { connected: false, reason: 'the connection to NATS is lost' };
          onStatus({ kind: 'disconnected' });
          break;
        case 'reconnect':
          this.#health = { connected: true };
          onStatus({ kind: 'reconnected' });
          for (const { onGap } of this.#watchers) onGap();
          break;
        case 'error':
          onStatus({ kind: 'error', message: status.error.message });
          break;
        default:
          // Pings, cluster news and the like: nothing to do.
          break;
      }
    }
  }
}

async function onlyOnce(attempt: () => Promise<NatsConnection>): Promise<NatsConnection> {
  return attempt();
}

async function sessionOf(connection: NatsConnection): Promise<Session> {
  return { connection, manager: await jetstreamManager(connection, { checkAPI: false, timeout: requestLimitMs }) };
}

function listen(watcher: Watcher, { connection }: Session): void {
  watcher.subscription = connection.subscribe(watcher.subject, {
    callback: (error, message) => {
      if (error === null) watcher.onMessage(message.subject);
    },
  });
  const { subscription } = watcher;
  // Until the server has confirmed the subscription a message may pass unheard. Rejected only by a closed connection.
  connection.flush().then(
    () => {
      if (!subscription.isClosed()) watcher.onGap();
    },
    () => undefined,
  );
}
