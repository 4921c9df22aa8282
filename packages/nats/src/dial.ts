/**
 * How every part of the project connects to NATS: settings, logins, TLS, and what a failed attempt means.
 *
 * Invariants:
 *  dial/1 No setting and no fault holds a user, a password or a token where it is printed.
 *  dial/2 The client library reconnects without a limit, until the connection is closed.
 */
import { type Clock, reasonOf, type StatementFault } from '@distillery/base';
import { certificateFaultOf, identityCheckOf } from '@distillery/platform';
import type { AddressLogin, NatsAddress } from '@distillery/protocol';
import { AuthorizationError, type ConnectionOptions, TimeoutError, type TlsOptions } from '@nats-io/transport-node';

import { credsLogin } from './creds.js';

/** Who connects: shown by the server, and the only place where this user may read replies. */
export interface Caller {
  readonly name: string;
  readonly inboxPrefix: string;
}

/** How a caller proves who it is; `read` gives the text of a .creds file as it is at each attempt. */
export type NatsLogin = AddressLogin | { readonly kind: 'creds'; readonly read: () => string };

/** What a tls:// connection uses beside the authorities of this machine: PEM texts, or files, read at every attempt. */
export type Certificates = Pick<TlsOptions, 'ca' | 'cert' | 'key' | 'caFile' | 'certFile' | 'keyFile'>;

const attemptLimitMs = 2_000;
/** Between attempts: the first wait, and the longest. */
export const firstDelayMs = 100;
export const longestDelayMs = 2_000;

/** The wait after one of `delayMs`. */
export function nextDelayMs(delayMs: number): number {
  return Math.min(delayMs * 2, longestDelayMs);
}

/** Settings of the client library for one caller. */
export function connectionSettings(
  address: NatsAddress,
  { name, inboxPrefix }: Caller,
  login: NatsLogin,
  certificates: Certificates = {},
): ConnectionOptions {
  return {
    servers: address.hosts,
    name,
    inboxPrefix,
    ...loginSettings(login),
    ...tlsSettings(address, certificates),
    timeout: attemptLimitMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: firstDelayMs,
    // A half-open connection is noticed within half a minute instead of four.
    pingInterval: 10_000,
    noAsyncTraces: true,
  };
}

function loginSettings(login: NatsLogin): ConnectionOptions {
  switch (login.kind) {
    case 'none':
      return {};
    case 'token':
      return { token: login.token };
    case 'password':
      return { user: login.user, pass: login.password };
    case 'creds':
      return { authenticator: credsLogin(login.read) };
  }
}

/** With tls:// a server must offer TLS: otherwise an attacker in between could remove it from the offer. */
function tlsSettings({ tls, servers }: NatsAddress, certificates: Certificates): ConnectionOptions {
  if (!tls) return {};
  // The client passes on what its own type of options does not name.
  const checkServerIdentity = identityCheckOf(servers.map(({ host }) => host));
  const options = { ...certificates, handshakeFirst: false, checkServerIdentity };
  return { tls: options };
}

/** Why an attempt to connect failed. `reason` is the library's own sentence, which `fault` holds, too. */
export type DialFault =
  | { readonly kind: 'loginRefused' }
  /** The certificate is not accepted. */
  | { readonly kind: 'certificate'; readonly fault: Omit<StatementFault, 'about'> }
  | { readonly kind: 'unreachable'; readonly reason: string };

/** @param error what the client library's `connect` threw */
export function dialFaultOf(error: unknown, address: NatsAddress): DialFault {
  if (error instanceof AuthorizationError) return { kind: 'loginRefused' };
  const reason = reasonOf(error);
  const fault = certificateFaultOf(error, address);
  if (fault === null) return { kind: 'unreachable', reason: `${reason}${hintOf(error, address)}` };
  return { kind: 'certificate', fault: { ...fault, problem: `no TLS connection: ${fault.problem} (${reason})` } };
}

/** With TLS 1.3 a server judges the client's certificate after the handshake; the client library waits until its limit. */
function hintOf(error: unknown, { tls }: NatsAddress): string {
  const hint = '; a server that asks clients for certificates may not trust the one given, or none was given';
  return tls && error instanceof TimeoutError ? hint : '';
}

export interface AttemptOptions {
  readonly waitMs: number;
  readonly clock: Clock;
  /** Whether another attempt may succeed after this error; absent = after every error. */
  readonly passes?: (error: unknown) => boolean;
  readonly stop?: AbortSignal | undefined;
}

/**
 * The first success of an attempt that is repeated, with growing waits, until `waitMs` is over.
 * @throws the last error; an error that does not pass, at once; the reason of `stop`
 */
export async function attemptWithin<T>(
  attempt: () => Promise<T>,
  { waitMs, clock, passes = () => true, stop }: AttemptOptions,
): Promise<T> {
  const endMs = clock.now() + waitMs;
  for (let delayMs = firstDelayMs; ; delayMs = nextDelayMs(delayMs)) {
    stop?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      if (!passes(error) || clock.now() + delayMs > endMs) throw error;
    }
    await clock.sleep(delayMs, stop);
  }
}
