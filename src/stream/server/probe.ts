/**
 * Asks a NATS server who it is, before any login: every server greets with one INFO line. Owns version comparison.
 */
import { connect, type Socket } from 'node:net';

import { parsedJson } from '@distillery/base';
import { hostPort, minimumNatsVersion, type NatsEndpoint } from '@distillery/protocol';

import { StreamError } from '../errors/index.js';

export interface Greeting {
  readonly serverName: string;
  /** Such as `2.14.5`. */
  readonly version: string;
  readonly jetStream: boolean;
  /** Whether it offers TLS. */
  readonly tls: boolean;
}

const longestGreeting = 64 * 1024;

/** True when dotted `version` is not below `minimum`; a pre-release counts as its release. */
export function isAtLeast(version: string, minimum: string): boolean {
  const [have, want] = [version, minimum].map((text) => text.split(/[.-]/, 3).map(Number));
  for (let part = 0; part < 3; part++) {
    const difference = (have?.[part] ?? 0) - (want?.[part] ?? 0);
    if (difference !== 0) return difference > 0;
  }
  return true;
}

/**
 * What the server at an endpoint says of itself.
 * @throws StreamError unreachable when nothing answers in time or the answer is no NATS greeting; the signal's reason once it aborts
 */
export async function readGreeting(endpoint: NatsEndpoint, timeoutMs: number, signal?: AbortSignal): Promise<Greeting> {
  signal?.throwIfAborted();
  const socket = connect({ host: endpoint.host, port: endpoint.port });
  const failed = (reason: string, cause?: unknown): StreamError =>
    new StreamError(
      'unreachable',
      {
        about: `NATS at ${hostPort(endpoint)}`,
        problem: reason,
        remedy: 'check that a nats-server runs there and can be reached',
      },
      { cause },
    );
  const timer = setTimeout(() => socket.destroy(new Error(`no greeting within ${timeoutMs / 1_000} s`)), timeoutMs);
  const abort = (): void => void socket.destroy(new Error('stopped'));
  signal?.addEventListener('abort', abort, { once: true });
  try {
    return parseGreeting(await firstLine(socket));
  } catch (error) {
    signal?.throwIfAborted();
    throw failed(error instanceof Error ? error.message : String(error), error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', abort);
    socket.destroy();
  }
}

async function firstLine(socket: Socket): Promise<string> {
  let text = '';
  socket.setEncoding('utf8');
  for await (const chunk of socket as AsyncIterable<string>) {
    text += chunk;
    const end = text.indexOf('\r\n');
    if (end >= 0) return text.slice(0, end);
    if (text.length > longestGreeting) break;
  }
  throw new Error('it closed the connection, or it is not a NATS server');
}

function parseGreeting(line: string): Greeting {
  const found = /^INFO (\{.*\})\s*$/.exec(line);
  if (found?.[1] === undefined) throw new Error('it is not a NATS server');
  const info = parsedJson(found[1]);
  if (typeof info !== 'object' || info === null || !('version' in info) || typeof info.version !== 'string') {
    throw new Error('its greeting names no version');
  }
  return {
    serverName: 'server_name' in info && typeof info.server_name === 'string' ? info.server_name : '',
    version: info.version,
    jetStream: 'jetstream' in info && info.jetstream === true,
    tls:
      ('tls_required' in info && info.tls_required === true) ||
      ('tls_available' in info && info.tls_available === true),
  };
}

/** @throws StreamError tooOld or noJetStream when the server cannot hold a job's streams */
export function checkGreeting(greeting: Omit<Greeting, 'tls'>, where: string): void {
  if (!isAtLeast(greeting.version, minimumNatsVersion)) {
    throw new StreamError('tooOld', {
      about: `NATS at ${where}`,
      found: `version ${greeting.version}`,
      expected: `${minimumNatsVersion} or newer`,
      remedy: 'upgrade it',
    });
  }
  if (!greeting.jetStream) {
    throw new StreamError('noJetStream', {
      about: `NATS at ${where}`,
      problem: 'JetStream is off',
      remedy: 'start the server with -js, or with a jetstream block in its configuration',
    });
  }
}
