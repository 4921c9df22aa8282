/**
 * Which NATS server a run uses, in this order: the one that DISTILL_NATS_URL names, a `nats-server` on PATH, the one in
 * the user's cache folder, one installed there now.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { within } from '@distillery/base';
import { hostPort, minimumNatsVersion, NatsAddress, NatsAddressError } from '@distillery/protocol';

import { StreamError } from '../errors/index.js';

import {
  cachedBinary,
  type InstallOptions,
  installNatsServer,
  type InstallSource,
  noServer,
  sweepInstallations,
  versionOf,
} from './install.js';
import { checkGreeting, isAtLeast, readGreeting } from './probe.js';

export interface FindOptions extends Omit<InstallOptions, 'cacheFolder'> {
  /** The user's cache folder for distill; null = a server can be neither cached nor installed. */
  readonly cacheFolder: string | null;
  /** Value of DISTILL_NATS_URL; empty or undefined = none. */
  readonly url: string | undefined;
  /** Value of PATH. */
  readonly path: string;
  readonly sources?: readonly InstallSource[];
  /** Milliseconds since 1970. */
  readonly nowMs: number;
}

export type FoundNatsServer =
  /** Somebody else's server: it is used and never stopped. */
  | { readonly kind: 'running'; readonly address: NatsAddress; readonly version: string }
  | { readonly kind: 'binary'; readonly binary: string; readonly from: 'path' | 'cache' | 'installed' };

const greetingLimitMs = 5_000;

/**
 * @throws StreamError unreachable, tooOld or noJetStream when none of the servers that the URL names can be used;
 *   noServer when there is none on this machine and none could be installed; the signal's reason once it aborts, with
 *   nothing left running or half-installed
 */
export async function findNatsServer(options: FindOptions): Promise<FoundNatsServer> {
  const { url, stop } = options;
  stop.throwIfAborted();
  if (url !== undefined && url !== '') return findRunning(url, stop);
  const onPath = await searchPath(options);
  if (onPath !== null) return { kind: 'binary', binary: onPath, from: 'path' };
  const { cacheFolder } = options;
  if (cacheFolder === null) {
    throw noServer(
      'there is no home folder to install it in, since neither HOME nor XDG_CACHE_HOME is an absolute path',
    );
  }
  await sweepInstallations(cacheFolder, options.nowMs);
  const cached = cachedBinary(cacheFolder);
  if ((await versionOf(cached, stop)) !== null) return { kind: 'binary', binary: cached, from: 'cache' };
  const binary = await installNatsServer({ ...options, cacheFolder }, options.sources);
  return { kind: 'binary', binary, from: 'installed' };
}

/** Asks the servers of a list in turn; the first that can be used is the answer. */
async function findRunning(url: string, stop: AbortSignal): Promise<FoundNatsServer> {
  const address = addressIn(url);
  const refusals: StreamError[] = [];
  for (const endpoint of address.servers) {
    try {
      const greeting = await readGreeting(endpoint, greetingLimitMs, stop);
      checkGreeting(greeting, hostPort(endpoint));
      // The connection itself insists on TLS as well; here it is reported at once.
      if (address.tls && !greeting.tls) throw noTls(hostPort(endpoint));
      return { kind: 'running', address, version: greeting.version };
    } catch (error) {
      if (!(error instanceof StreamError)) throw error;
      refusals.push(error.reason === 'tooOld' ? orOwn(error) : error);
    }
  }
  const [first, ...others] = refusals;
  if (first === undefined || others.length === 0) throw first ?? new Error('an address has a server');
  throw new StreamError(first.reason, { faults: refusals.map(({ fault }) => fault), remedy: '' }, { cause: first });
}

/** Adds what the user of a command can do as well. */
function orOwn(error: StreamError): StreamError {
  const remedy = `${error.fault.remedy}, or leave DISTILL_NATS_URL unset to have one started`;
  return new StreamError(error.reason, { ...error.fault, remedy }, { cause: error });
}

function noTls(where: string): StreamError {
  return new StreamError('unreachable', {
    about: `NATS at ${where}`,
    problem: 'it offers no TLS, and tls:// in the address asks for it',
    remedy: 'switch TLS on there, or write nats://',
  });
}

/** @throws StreamError unreachable, without anything of the URL */
function addressIn(url: string): NatsAddress {
  try {
    return NatsAddress.parse(url);
  } catch (error) {
    if (!(error instanceof NatsAddressError)) throw error;
    throw new StreamError('unreachable', within('DISTILL_NATS_URL', error.fault), { cause: error });
  }
}

async function searchPath({ path, progress, stop }: FindOptions): Promise<string | null> {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const binary = join(folder, 'nats-server');
    const usable = await access(binary, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!usable) continue;
    const version = await versionOf(binary, stop);
    if (version !== null && isAtLeast(version, minimumNatsVersion)) return binary;
    progress(`${binary}: found version ${version ?? 'unknown'}, expected ${minimumNatsVersion} or newer; not used`);
  }
  return null;
}
