/**
 * A worker's connection to NATS: waits for the first success up to a limit, afterwards reconnects for ever. Owns the
 * repetition of calls that got no answer.
 */
import { DistilleryError, reasonOf, within } from '@distillery/base';
import { certificateFaultOf, identityCheckOf } from '@distillery/platform';
import type { Clock } from '@distillery/base';
import { NatsAddress, NatsAddressError, printableAddress } from '@distillery/protocol';
import {
  type DirectStreamAPI,
  jetstream,
  JetStreamApiError,
  type JetStreamClient,
  jetstreamManager,
} from '@nats-io/jetstream';
import {
  AuthorizationError,
  ClosedConnectionError,
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
  PermissionViolationError,
} from '@nats-io/transport-node';

import { type Log, WorkerError, type WorkerLogin } from '../base/index.js';

import { CertificateRefused, LoginRefused, StreamRefused, StreamUnreachable } from './errors.js';
import { type AnswerOptions, firstAnswer } from './first-answer.js';
import { isWithoutRoom, passesByWaiting, roomFaultOf } from './store-errors.js';

export interface WorkerConnectOptions {
  readonly url: string;
  readonly login: WorkerLogin;
  /** `JobNames.inboxPrefix(role)`: the only place where this role may read replies. */
  readonly inboxPrefix: string;
  /** Pod name, shown by the server. */
  readonly name: string;
  /** How long the first connection may take. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly log: Log;
}

const dialLimitMs = 2_000;
/** The client library gives a single question up after this; it is asked again long before (first-answer.ts). */
const answerLimitMs = 30_000;
const warnAfterMs = 5_000;
const firstDelayMs = 50;
const longestDelayMs = 2_000;

export interface AskOptions {
  readonly signal?: AbortSignal | undefined;
  readonly whenNoRoom?: 'wait' | 'throw';
}

/** Inside this file: the connection went away between a question and its answer. */
/** The connection went away during a call, which is made again. */
export class ConnectionLost extends DistilleryError {
  override readonly name = 'ConnectionLost';
  readonly kind = 'ConnectionLost';
  readonly retry = 'Later';

  constructor() {
    super({ about: 'NATS', problem: 'the connection is lost', remedy: 'the call is made again' });
  }
}

export class StreamLink {
  /** As it may be printed. */
  readonly url: string;
  readonly inboxPrefix: string;
  readonly connection: NatsConnection;
  readonly client: JetStreamClient;
  readonly direct: DirectStreamAPI;
  readonly clock: Clock;
  readonly log: Log;
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
    this.direct = direct;
    this.url = printableAddress(url);
    this.inboxPrefix = inboxPrefix;
    this.clock = clock;
    this.log = log;
    void this.#follow();
  }

  get connected(): boolean {
    return this.#connected;
  }

  /** Resolves when the connection is closed for good, with the reason when it was not asked to. */
  get closed(): Promise<Error | null> {
    return this.connection
      .closed()
      .then((reason) => (reason instanceof Error ? new StreamUnreachable(this.url, reason.message) : null));
  }

  /** Calls back after every reconnect: messages may have been lost meanwhile. @returns ends it */
  onReconnect(callback: () => void): () => void {
    this.#reconnectHandlers.add(callback);
    return () => this.#reconnectHandlers.delete(callback);
  }

  onDisconnect(callback: () => void): () => void {
    this.#disconnectHandlers.add(callback);
    return () => this.#disconnectHandlers.delete(callback);
  }

  /**
   * Repeats a call until it is answered, through every trouble of the platform: no server, no leader, a full store. Only
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
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
      try {
        // Asked before, it would be lost: the client library drops what it has not sent when it dials again.
        await this.#untilConnected(signal);
        return await this.#whileConnected(call, { signal, late });
      } catch (error) {
        if (signal?.aborted === true) throw error;
        if (error instanceof ConnectionLost) {
          // A dead server answers nothing; the call is made again as soon as there is a connection.
          delayMs = firstDelayMs / 2;
          continue;
        }
        const cause = error instanceof Error ? error.cause : undefined;
        if (options.whenNoRoom === 'throw' && isWithoutRoom(error)) throw error;
        if (error instanceof JetStreamApiError && !passesByWaiting(error)) throw error;
        const violation = [error, cause].find((each) => each instanceof PermissionViolationError);
        if (violation !== undefined) throw new StreamRefused(doing, violation.message, { cause: error });
        if (this.connection.isClosed() || error instanceof ClosedConnectionError) {
          throw new StreamUnreachable(this.url, `${doing}: the connection is closed`, { cause: error });
        }
        const reason = error instanceof Error ? error.message : String(error);
        if (delayMs === longestDelayMs) {
          const fault = roomFaultOf(error) ?? `NATS cannot do it now (${reason})`;
          this.log.warn(`${doing}: ${fault}; trying again`);
        }
      }
      await this.clock.sleep(delayMs);
    }
  }

  async close(): Promise<void> {
    await this.connection.close();
  }

  /** The first answer, or ConnectionLost as soon as the connection is: nothing is asked again without one. */
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
 * A server that refuses the login is tried again like one that does not answer, and in the end is told as such: the
 * account or its keys are just being brought in or exchanged, or the platform has to act. It is never the job's fault.
 */
async function dial(options: WorkerConnectOptions): Promise<NatsConnection> {
  const { login, inboxPrefix, name, waitMs, clock } = options;
  const address = addressOf(options.url);
  const url = address.toString();
  const settings: ConnectionOptions = {
    servers: address.hosts,
    ...loginSettings(login),
    inboxPrefix,
    name,
    ...tlsOf(address),
    timeout: dialLimitMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 100,
    // A half-open connection is noticed within half a minute instead of four.
    pingInterval: 10_000,
    noAsyncTraces: true,
  };
  const end = clock.now() + waitMs;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    try {
      return await connect(settings);
    } catch (error) {
      if (clock.now() + delayMs > end) {
        if (error instanceof AuthorizationError) throw new LoginRefused(url, whose(login), { cause: error });
        const fault = certificateFaultOf(error, address);
        if (fault !== null) throw new CertificateRefused(url, fault, reasonOf(error), { cause: error });
        const reason = `no connection within ${waitMs / 1_000} s (${reasonOf(error)})`;
        throw new StreamUnreachable(url, reason, { cause: error });
      }
    }
    await clock.sleep(delayMs);
  }
}

/** With tls:// a server must offer TLS: otherwise an attacker in between could remove it from the offer. */
function tlsOf({ tls, servers }: NatsAddress): ConnectionOptions {
  if (!tls) return {};
  // The client passes on what its own type of options does not name.
  const options = { handshakeFirst: false, checkServerIdentity: identityCheckOf(servers.map(({ host }) => host)) };
  return { tls: options };
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

function loginSettings(login: WorkerLogin): ConnectionOptions {
  if (login.kind === 'password') return { user: login.user, pass: login.password };
  if (login.kind === 'token') return { token: login.token };
  let creds = login.read();
  const newest = (): Uint8Array => {
    try {
      creds = login.read();
    } catch {
      // Just being replaced: the last one may still do, and if not this is asked again.
    }
    return new TextEncoder().encode(creds);
  };
  // A refusal lasts only until the file has been renewed.
  return { authenticator: credsAuthenticator(newest), ignoreAuthErrorAbort: true };
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
