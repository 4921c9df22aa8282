/**
 * Connecting to NATS from outside the workers: as the operator, for ever, or as a job's reader, for a moment. Owns the
 * sentences for a connection that does not come about; none of them holds a password or a token.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import {
  AuthorizationError,
  connect,
  type ConnectionOptions,
  credsAuthenticator,
  type NatsConnection,
} from '@nats-io/transport-node';

import { reasonOf } from '../lib/system-error.js';
import { natsServers } from '../protocol/index.js';

import { checkCreds } from './credentials.js';
import { StreamError } from './errors.js';
import { checkGreeting, hidePassword } from './server/index.js';

export interface DialOptions {
  /** nats:// or tls://, several with commas; for tls:// of a private authority set NODE_EXTRA_CA_CERTS. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Text of a .creds file instead of user and password; a function is asked again at every attempt. */
  readonly creds?: string | (() => string) | undefined;
}

/** Who connects: shown by the server, and the only place where replies may be read. */
export interface Caller {
  readonly name: string;
  readonly inboxPrefix: string;
}

const dialLimitMs = 2_000;
export const firstDelayMs = 100;
export const longestDelayMs = 2_000;

/**
 * One attempt.
 * @throws StreamError unreachable, unauthorized, tooOld or noJetStream
 */
export async function dial(options: DialOptions, caller: Caller): Promise<NatsConnection> {
  const where = hidePassword(options.url);
  const connection = await greeted(options, caller, where);
  const { info } = connection;
  try {
    checkGreeting(
      { serverName: info?.server_name ?? '', version: info?.version ?? '0', jetStream: info?.jetstream === true },
      where,
    );
  } catch (error) {
    await connection.close();
    throw error;
  }
  return connection;
}

/** Tries until the limit; what waiting does not mend is thrown at once. @throws StreamError as `dial` does */
export async function dialWithin(waitMs: number, options: DialOptions, caller: Caller): Promise<NatsConnection> {
  const end = performance.now() + waitMs;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    try {
      return await dial(options, caller);
    } catch (error) {
      const passes = error instanceof StreamError && error.kind === 'unreachable';
      if (!passes || performance.now() + delayMs > end) throw error;
    }
    await sleep(delayMs);
  }
}

async function greeted(options: DialOptions, { name, inboxPrefix }: Caller, where: string): Promise<NatsConnection> {
  const { servers, tls } = natsServers(options.url);
  const settings: ConnectionOptions = {
    servers,
    name,
    inboxPrefix,
    ...login(options),
    // Otherwise whoever stands between could take TLS out of the server's offer.
    ...(tls ? { tls: {} } : {}),
    timeout: dialLimitMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: firstDelayMs,
    // A half-open connection is noticed within half a minute instead of four.
    pingInterval: 10_000,
    noAsyncTraces: true,
  };
  try {
    return await connect(settings);
  } catch (error) {
    if (error instanceof AuthorizationError) {
      throw new StreamError('unauthorized', `NATS at ${where}: ${refusal(options)}`, { cause: error });
    }
    throw new StreamError(
      'unreachable',
      `NATS at ${where}: no connection (${reasonOf(error)}); check that the server runs and the address is right`,
      { cause: error },
    );
  }
}

function login({ user, password, creds }: DialOptions): ConnectionOptions {
  if (creds !== undefined) {
    const read = typeof creds === 'string' ? () => creds : creds;
    // Here, where a text that is none is told in a sentence, and not inside the client.
    checkCreds(read());
    return { authenticator: credsAuthenticator(() => new TextEncoder().encode(read())) };
  }
  return user === undefined ? {} : { user, pass: password ?? '' };
}

function refusal({ user, creds }: DialOptions): string {
  if (creds !== undefined) {
    return (
      'found that it refuses the given credentials, expected a user whose account it knows and whose JWT a key of ' +
      'that account signed; check the account and its signing keys there (docs/adr/0009)'
    );
  }
  return (
    `found that it refuses ${user === undefined || user === '' ? 'a client without user' : `user ${user}`}, ` +
    'expected a user that it knows; write user and password into the address, as in nats://user:password@host:4222'
  );
}
