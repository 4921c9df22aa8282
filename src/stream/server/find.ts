/**
 * Which NATS server a run uses, in this order: the one that DISTILL_NATS_URL names, a `nats-server` on PATH, the one in
 * the user's cache folder, one installed there now.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, join } from 'node:path';

import { minimumNatsVersion } from '../../protocol/index.js';

import { cachedBinary, type InstallOptions, installNatsServer, type InstallSource, versionOf } from './install.js';
import { checkGreeting, hidePassword, isAtLeast, readGreeting } from './probe.js';

export interface FindOptions extends InstallOptions {
  /** Value of DISTILL_NATS_URL; empty or undefined = none. */
  readonly url: string | undefined;
  /** Value of PATH. */
  readonly path: string;
  readonly sources?: readonly InstallSource[];
}

export type FoundNatsServer =
  /** Somebody else's server: it is used and never stopped. */
  | { readonly kind: 'running'; readonly url: string; readonly version: string }
  | { readonly kind: 'binary'; readonly binary: string; readonly from: 'path' | 'cache' | 'installed' };

const greetingLimitMs = 5_000;

/** `$XDG_CACHE_HOME/distillery`, or the same in `~/.cache`. */
export function cacheFolderOf(environment: NodeJS.ProcessEnv, home: string): string {
  const base = environment.XDG_CACHE_HOME;
  return join(base === undefined || base === '' ? join(home, '.cache') : base, 'distillery');
}

/**
 * @throws StreamError unreachable, tooOld or noJetStream for the server that the URL names; noServer when there is none
 *   on this machine and none could be installed
 */
export async function findNatsServer(options: FindOptions): Promise<FoundNatsServer> {
  const { url } = options;
  if (url !== undefined && url !== '') {
    const greeting = await readGreeting(url, greetingLimitMs);
    checkGreeting(greeting, hidePassword(url));
    return { kind: 'running', url, version: greeting.version };
  }
  const onPath = await searchPath(options);
  if (onPath !== null) return { kind: 'binary', binary: onPath, from: 'path' };
  const cached = cachedBinary(options.cacheFolder);
  if ((await versionOf(cached)) !== null) return { kind: 'binary', binary: cached, from: 'cache' };
  return { kind: 'binary', binary: await installNatsServer(options, options.sources), from: 'installed' };
}

async function searchPath({ path, progress }: FindOptions): Promise<string | null> {
  for (const folder of path.split(delimiter)) {
    if (folder === '') continue;
    const binary = join(folder, 'nats-server');
    const usable = await access(binary, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (!usable) continue;
    const version = await versionOf(binary);
    if (version !== null && isAtLeast(version, minimumNatsVersion)) return binary;
    progress(`${binary}: found version ${version ?? 'unknown'}, expected ${minimumNatsVersion} or newer; not used`);
  }
  return null;
}
