/**
 * Connects to NATS from outside the workers: as the operator, which stays connected, or as a job's reader, for one
 * command. Owns the sentences for a failed connection; none of them holds a user, a password or a token.
 */
import { type Clock, type Fault, within } from '@distillery/base';
import { attemptWithin, type Caller, connectionSettings, dialFaultOf, type NatsLogin } from '@distillery/nats';
import { systemClock } from '@distillery/platform';
import { type AddressLogin, NatsAddress, NatsAddressError } from '@distillery/protocol';
import { connect, type NatsConnection } from '@nats-io/transport-node';

import { checkCreds } from '../access/index.js';
import { StreamError } from '../errors/index.js';
import { checkGreeting } from '../server/index.js';

export interface DialOptions {
  /** nats:// or tls://, several with commas; for tls:// of a private authority set NODE_EXTRA_CA_CERTS. */
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Instead of user and password. */
  readonly token?: string | undefined;
  /** Text of a .creds file instead of user and password; a function is called at every attempt. */
  readonly creds?: string | (() => string) | undefined;
}

/** A wait for a connection is not longer or shorter because the machine's date is set. */
const steadyClock: Clock = { now: () => performance.now(), sleep: (ms, signal) => systemClock.sleep(ms, signal) };

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
  return attemptWithin(() => unlessStopped(dial(options, caller), stop), {
    waitMs,
    clock: steadyClock,
    passes: (error) => error instanceof StreamError && error.reason === 'unreachable',
    stop,
  });
}

/** The client library's own attempt takes no signal: a connection made after the stop is closed at once. */
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

async function greeted(options: DialOptions, caller: Caller, address: NatsAddress): Promise<NatsConnection> {
  const where = address.toString();
  const login = loginOf(options, address.login);
  try {
    return await connect(connectionSettings(address, caller, login));
  } catch (error) {
    const fault = dialFaultOf(error, address);
    const about = `NATS at ${where}`;
    switch (fault.kind) {
      case 'loginRefused':
        throw new StreamError('unauthorized', refusal(where, options, address.login), { cause: error });
      case 'certificate':
        throw new StreamError('unreachable', { about, ...fault.fault }, { cause: error });
      case 'unreachable':
        throw new StreamError(
          'unreachable',
          {
            about,
            problem: `no connection (${fault.reason})`,
            remedy: 'check that the server runs and the address is right',
          },
          { cause: error },
        );
    }
  }
}

/** What was given apart, else what the address holds. @throws StreamError unauthorized when the credentials are not readable */
function loginOf({ user, password, token, creds }: DialOptions, own: AddressLogin): NatsLogin {
  if (creds !== undefined) {
    const read = typeof creds === 'string' ? () => creds : creds;
    // Checked here: inside the client an unreadable text would end without a sentence.
    checkCreds(read());
    return { kind: 'creds', read };
  }
  if (token !== undefined) return { kind: 'token', token };
  if (user !== undefined) return { kind: 'password', user, password: password ?? '' };
  return own;
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
