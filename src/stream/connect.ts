/**
 * The operator's one connection to NATS: waits for the first success up to a limit, afterwards reconnects for ever.
 */
import { setTimeout as sleep } from 'node:timers/promises';

import { AuthorizationError, connect, type ConnectionOptions, type NatsConnection } from '@nats-io/transport-node';

import { StreamError } from './errors.js';
import { operatorInboxPrefix } from './permissions.js';
import { checkGreeting, hidePassword } from './server/index.js';

export interface ConnectOptions {
  readonly url: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** How long the first connection may take. */
  readonly waitMs: number;
  readonly onStatus?: (event: ConnectionEvent) => void;
}

export type ConnectionEvent =
  | { readonly kind: 'disconnected' }
  | { readonly kind: 'reconnected' }
  | { readonly kind: 'error'; readonly message: string };

const dialLimitMs = 2_000;
const firstDelayMs = 100;
const longestDelayMs = 2_000;

/** @throws StreamError unreachable, unauthorized, tooOld or noJetStream */
export async function connectOperator(options: ConnectOptions): Promise<NatsConnection> {
  const where = hidePassword(options.url);
  const connection = await dial(options, where);
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

async function dial(options: ConnectOptions, where: string): Promise<NatsConnection> {
  const { url, user, password, waitMs } = options;
  const settings: ConnectionOptions = {
    servers: url.split(',').map((server) => server.trim()),
    name: 'distillery-operator',
    inboxPrefix: operatorInboxPrefix,
    ...(user === undefined ? {} : { user, pass: password ?? '' }),
    timeout: dialLimitMs,
    maxReconnectAttempts: -1,
    reconnectTimeWait: firstDelayMs,
    // A half-open connection is noticed within half a minute instead of four.
    pingInterval: 10_000,
    noAsyncTraces: true,
  };
  const end = performance.now() + waitMs;
  for (let delayMs = firstDelayMs; ; delayMs = Math.min(delayMs * 2, longestDelayMs)) {
    try {
      return await connect(settings);
    } catch (error) {
      if (error instanceof AuthorizationError) {
        throw new StreamError(
          'unauthorized',
          `NATS at ${where}: found that it refuses ${user === undefined || user === '' ? 'a client without user' : `user ${user}`}, ` +
            'expected a user that it knows; write user and password into the address, as in nats://user:password@host:4222',
          { cause: error },
        );
      }
      if (performance.now() + delayMs > end) {
        throw new StreamError(
          'unreachable',
          `NATS at ${where}: no connection within ${waitMs / 1_000} s; check that the server runs and the address is right`,
          { cause: error },
        );
      }
    }
    await sleep(delayMs);
  }
}
