/**
 * Connecting to NATS from outside the workers: as the operator, for ever, or as a job's reader, for a moment. Owns the
 * sentences for a connection that does not come about; none of them holds a user, a password or a token.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { type Fault, reasonOf, within } from '@distillery/base';
import { certificateFaultOf, identityCheckOf } from '@distillery/platform';
import { type AddressLogin, NatsAddress, NatsAddressError } from '@distillery/protocol';
import { AuthorizationError, connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';

import { checkCreds, credsLogin } from './credentials.js';
import { StreamError } from './errors.js';
import { checkGreeting } from './server/index.js';

export interface DialOptions {
  /** nats:// or tls://, several with commas; for tls:// of a private authority set NODE_EXTRA_CA_CERTS. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Instead of user and password. */
  readonly token?: string | undefined;
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
  const address = addressIn(options.url);
  const where = address.toString();
  const connection = await greeted(options, caller, address);
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

/**
 * Tries until the limit; a fault that waiting cannot clear is thrown at once.
 * @throws StreamError as `dial` does; the signal's reason once it aborts
 */
export async function dialWithin(
  waitMs: number,
  options: DialOptions & { readonly stop?: AbortSignal | undefined },
  caller: Caller,
): Promise<NatsConnection> {
  const { stop } = options;
  const end = performance.now() + waitMs;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    stop?.throwIfAborted();
    try {
      return await unlessStopped(dial(options, caller), stop);
    } catch (error) {
      const passes = error instanceof StreamError && error.reason === 'unreachable';
      if (!passes || performance.now() + delayMs > end) throw error;
    }
    await sleep(delayMs, undefined, stop === undefined ? {} : { signal: stop }).catch(() => undefined);
  }
}

/** The client library's own attempt takes no signal: one that comes about after the stop is closed again. */
async function unlessStopped(dialing: Promise<NatsConnection>, stop: AbortSignal | undefined): Promise<NatsConnection> {
  if (stop === undefined) return dialing;
  const stopped = Promise.withResolvers<never>();
  const abort = (): void => stopped.reject(stop.reason as Error);
  stop.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([dialing, stopped.promise]);
  } catch (error) {
    if (stop.aborted)
      void dialing.then(
        (late) => late.close(),
        () => undefined,
      );
    throw error;
  } finally {
    stop.removeEventListener('abort', abort);
  }
}

/** @throws StreamError unreachable, without anything of the text */
function addressIn(url: string): NatsAddress {
  try {
    return NatsAddress.parse(url);
  } catch (error) {
    if (!(error instanceof NatsAddressError)) throw error;
    throw new StreamError('unreachable', within('address of NATS', error.fault), { cause: error });
  }
}

async function greeted(
  options: DialOptions,
  { name, inboxPrefix }: Caller,
  address: NatsAddress,
): Promise<NatsConnection> {
  const where = address.toString();
  const settings: ConnectionOptions = {
    servers: address.hosts,
    name,
    inboxPrefix,
    ...login(options, address.login),
    ...tlsOf(address),
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
      throw new StreamError('unauthorized', refusal(where, options, address.login), { cause: error });
    }
    const reason = reasonOf(error);
    const fault = certificateFaultOf(error, address);
    const about = `NATS at ${where}`;
    throw new StreamError(
      'unreachable',
      fault === null
        ? {
            about,
            problem: `no connection (${reason})`,
            remedy: 'check that the server runs and the address is right',
          }
        : { about, problem: `no TLS connection: ${fault} (${reason})`, remedy: '' },
      { cause: error },
    );
  }
}

/** With tls:// a server must offer TLS: otherwise an attacker in between could remove it from the offer. */
function tlsOf({ tls, servers }: NatsAddress): ConnectionOptions {
  if (!tls) return {};
  // The client passes on what its own type of options does not name.
  const options = { handshakeFirst: false, checkServerIdentity: identityCheckOf(servers.map(({ host }) => host)) };
  return { tls: options };
}

/** What was given apart, else what the address holds. */
function login({ user, password, token, creds }: DialOptions, own: AddressLogin): ConnectionOptions {
  if (creds !== undefined) {
    const read = typeof creds === 'string' ? () => creds : creds;
    // Here, where a text that is none is reported in a sentence, and not inside the client.
    checkCreds(read());
    return { authenticator: credsLogin(read) };
  }
  if (token !== undefined) return { token };
  if (user !== undefined) return { user, pass: password ?? '' };
  switch (own.kind) {
    case 'none':
      return {};
    case 'token':
      return { token: own.token };
    case 'password':
      return { user: own.user, pass: own.password };
  }
}

/** Without the user's name: it may come from an address, whose login is never printed. */
function refusal(where: string, { user, token, creds }: DialOptions, own: AddressLogin): Fault {
  const about = `NATS at ${where}`;
  if (creds !== undefined) {
    return {
      about,
      problem:
        'authentication failed: the server does not know the account of these credentials, or the account no longer has ' +
        'the key that signed them',
      remedy: 'push the account to the server, or make new credentials (docs/operator.md)',
    };
  }
  // A server without users is also given an empty one.
  if ((user ?? '') !== '' || token !== undefined) {
    return {
      about,
      problem: 'authentication failed: the server refuses the given login',
      remedy: 'correct the user and the password, or the token',
    };
  }
  const example = 'as in nats://user:password@host:4222 or nats://token@host:4222';
  return own.kind === 'none'
    ? {
        about,
        problem: 'authentication failed: the server asks for a login and none was given',
        remedy: `write it into the address, ${example}`,
      }
    : {
        about,
        problem: 'authentication failed: the server refuses the login in the address',
        remedy: `correct it there, ${example}`,
      };
}
