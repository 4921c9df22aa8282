/**
 * A worker's connection to NATS: waits for the first success up to a limit, then reconnects without a limit. Owns the
 * repetition of calls that got no answer.
 */
import { type Clock, DistilleryError, sentenceWith, within } from '@distillery/base';
import {
  attemptWithin,
  connectionSettings,
  dialFaultOf,
  type DirectGets,
  directGets,
  isClosed,
  jetStreamRefusal,
  lastReadable,
  longestDelayMs,
  type NatsLogin,
  nextDelayMs,
  permissionViolationIn,
} from '@distillery/nats';
import { NatsAddress, NatsAddressError, printableAddress } from '@distillery/protocol';
import { type DirectStreamAPI, jetstream, type JetStreamClient, jetstreamManager } from '@nats-io/jetstream';
import { connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';

import { type Log, WorkerError, type WorkerLogin, type WorkerTls } from '../base/index.js';

import { CertificateRefused, LoginRefused, StreamRefused, StreamUnreachable } from './errors.js';
import { type AnswerOptions, firstAnswer } from './first-answer.js';
import { isWithoutRoom, passesByWaiting, roomFaultOf } from './store-errors.js';

export interface WorkerConnectOptions {
  readonly url: string;
  readonly login: WorkerLogin;
  readonly tls?: WorkerTls;
  /** `JobNames.inboxPrefix(role)`: the only place where this role may read replies. */
  readonly inboxPrefix: string;
  /** Pod name, shown by the server. */
  readonly name: string;
  /** How long the first connection may take. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

/** The client library gives up a single request after this; it is repeated long before (first-answer.ts). */
const answerLimitMs = 30_000;
const warnAfterMs = 5_000;
/** Before a call is repeated the first time. */
const firstRepeatMs = 50;

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly whenNoRoom?: 'wait' | 'throw';
}

/** The connection went away during a call, which is made again. */
export class ConnectionLost extends DistilleryError {
  override readonly name = 'ConnectionLost';
  readonly kind = 'ConnectionLost';
  readonly retry = 'Later';

  constructor() {
    super({ about: 'NATS', problem: 'the connection is lost', remedy: '' });
  }
}

export class StreamLink {
  /** As it may be printed. */
  readonly url: string;
  readonly inboxPrefix: string;
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly clock: Clock;
  readonly log: Log;
  readonly #direct: DirectStreamAPI;
  readonly #reconnectHandlers = new Set<() => void>();
  readonly #disconnectHandlers = new Set<() => void>();
  #connected = true;

  constructor(
    connection: NatsConnection,
    direct: DirectStreamAPI,
    { url, inboxPrefix, clock, log }: Pick<WorkerConnectOptions, 'url' | 'inboxPrefix' | 'clock' | 'log'>,
  ) {
    this.connection = connection;
    this.client = jetstream(connection, { timeout: answerLimitMs });
    this.#direct = direct;
    this.url = printableAddress(url);
    this.inboxPrefix = inboxPrefix;
    this.clock = clock;
    this.log = log;
    void this.#follow();
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Resolves when the connection is closed for good; null after `close`, otherwise the reason. */
  get closed(): Promise<Error | null> {
    return this.connection
      .closed()
      .then((reason) => (reason instanceof Error ? new StreamUnreachable(this.url, reason.message) : null));
  }

  /** Single reads of one stream; repeat them until they are answered. */
  gets(stream: string): DirectGets {
    return directGets(this.#direct, stream);
  }

  /** Calls back after every reconnect: messages may have been lost. @returns ends it */
  onReconnect(callback: () => void): () => void {
    this.#reconnectHandlers.add(callback);
    return () => this.#reconnectHandlers.delete(callback);
  }

  onDisconnect(callback: () => void): () => void {
    this.#disconnectHandlers.add(callback);
    return () => this.#disconnectHandlers.delete(callback);
  }

  /**
   * Repeats a call until it is answered, through every failure of the platform: no server, no leader, a full store. Only
   * for calls that may be done twice; docs/adr/0018 says of each publish why it may.
   * @param options.signal gives up when it aborts
   * @param options.whenNoRoom what to do when the account or the server has no room; default: wait
   * @throws JetStreamApiError when the answer is an error that waiting cannot clear (jetStreamFault); StreamRefused when
   *   this user may not; StreamUnreachable when the connection is closed for good; the reason of `signal`
   */
  async untilAnswered<T>(doing: string, call: () => Promise<T>, options: AskOptions = {}): Promise<T> {
    const { signal } = options;
    const late = (waitedMs: number): void => {
      if (waitedMs >= warnAfterMs)
        this.log.warn(`${doing}: no answer from NATS for ${waitedMs / 1_000} s; trying again`);
    };
    for (let delayMs = firstRepeatMs; ; delayMs = nextDelayMs(delayMs)) {
      try {
        // A request without a connection would be lost: the client library drops unsent data when it reconnects.
        await this.#untilConnected(signal);
        return await this.#whileConnected(call, { signal, late });
      } catch (error) {
        if (signal?.aborted === true) throw error;
        if (error instanceof ConnectionLost) {
          // A dead server answers nothing; the call is made again as soon as there is a connection.
          delayMs = firstRepeatMs / 2;
          continue;
        }
        if (options.whenNoRoom === 'throw' && isWithoutRoom(error)) throw error;
        const refusal = jetStreamRefusal(error);
        if (refusal !== null && !passesByWaiting(refusal.fault)) throw error;
        const violation = permissionViolationIn(error);
        if (violation !== null) throw new StreamRefused(doing, violation.message, { cause: error });
        if (this.connection.isClosed() || isClosed(error)) {
          throw new StreamUnreachable(this.url, `${doing}: the connection is closed`, { cause: error });
        }
        const reason = error instanceof Error ? error.message : String(error);
        if (delayMs === longestDelayMs) {
          const fault = roomFaultOf(error) ?? { problem: `NATS cannot do it now (${reason})`, remedy: '' };
          this.log.warn(sentenceWith({ about: doing, ...fault }, 'trying again'));
        }
      }
      await this.clock.sleep(delayMs);
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** The first answer. @throws ConnectionLost when the connection is lost: no request is repeated without one */
  async #whileConnected<T>(call: () => Promise<T>, { signal, late }: AnswerOptions): Promise<T> {
    const lost = new AbortController();
    const forget = this.onDisconnect(() => lost.abort(new ConnectionLost()));
    const over = signal === undefined ? lost.signal : AbortSignal.any([signal, lost.signal]);
    try {
      return await firstAnswer(call, this.clock, { signal: over, late });
    } finally {
      forget();
    }
  }

  /** Also resolves when the connection is closed for good, or when the signal aborts. */
  async #untilConnected(signal: AbortSignal | undefined): Promise<void> {
    if (this.#connected || signal?.aborted === true) return;
    const changed = Promise.withResolvers<undefined>();
    const change = (): void => changed.resolve(undefined);
    const forget = this.onReconnect(change);
    signal?.addEventListener('abort', change, { once: true });
    try {
      await Promise.race([changed.promise, this.connection.closed()]);
    } finally {
      forget();
      signal?.removeEventListener('abort', change);
    }
  }

  async #follow(): Promise<void> {
    for await (const status of this.connection.status()) {
      switch (status.type) {
        case 'disconnect':
          this.#connected = false;
          this.log.warn('the connection to NATS is lost; reconnecting');
          for (const handler of this.#disconnectHandlers) handler();
          break;
        case 'reconnect':
          this.#connected = true;
          this.log.info('connected to NATS again');
          for (const handler of this.#reconnectHandlers) handler();
          break;
        case 'error':
          this.log.warn(`NATS: ${status.error.message}`);
          break;
        default:
          // Pings, cluster news and the like: nothing to do.
          break;
      }
    }
  }
}

/** @throws StreamUnreachable, LoginRefused, CertificateRefused when there is no connection in time */
export async function connectWorker(options: WorkerConnectOptions): Promise<StreamLink> {
  const connection = await dial(options);
  const { direct } = await jetstreamManager(connection, { checkAPI: false, timeout: answerLimitMs });
  return new StreamLink(connection, direct, options);
}

/**
 * A refused login is tried again like a server that does not answer: the account or its keys may just be created or
 * exchanged. In the end it is reported as refused, for the platform to act; it is never the job's fault.
 */
async function dial({ login, tls, waitMs, clock, ...options }: WorkerConnectOptions): Promise<NatsConnection> {
  const address = addressOf(options.url);
  const url = address.toString();
  const settings: ConnectionOptions = {
    ...connectionSettings(address, options, login.kind === 'creds' ? renewed(login) : login, tls),
    // A refusal of credentials lasts only until their file is renewed.
    ...(login.kind === 'creds' ? { ignoreAuthErrorAbort: true } : {}),
  };
  try {
    return await attemptWithin(() => connect(settings), { waitMs, clock });
  } catch (error) {
    const fault = dialFaultOf(error, address);
    switch (fault.kind) {
      case 'loginRefused':
        throw new LoginRefused(url, whose(login), { cause: error });
      case 'certificate':
        throw new CertificateRefused(url, fault.fault, { cause: error });
      case 'unreachable': {
        const reason = `no connection within ${waitMs / 1_000} s (${fault.reason})`;
        throw new StreamUnreachable(url, reason, { cause: error });
      }
    }
  }
}

function renewed({ read }: Extract<WorkerLogin, { kind: 'creds' }>): NatsLogin {
  return { kind: 'creds', read: lastReadable(read) };
}

/** @throws WorkerError terminal */
function addressOf(url: string): NatsAddress {
  try {
    return NatsAddress.parse(url);
  } catch (error) {
    if (!(error instanceof NatsAddressError)) throw error;
    throw new WorkerError('terminal', within('DISTILL_NATS_URL', error.fault), { cause: error });
  }
}

/** Without the user's name: it may come from an address, whose login is never printed. */
function whose({ kind }: WorkerLogin): string {
  switch (kind) {
    case 'password':
      return 'the given user or its password';
    case 'token':
      return 'the given token';
    case 'creds':
      return 'the credentials in the .creds file';
  }
}
