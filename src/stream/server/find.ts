/**
 * Which NATS server a run uses, in this order: the one that DISTILL_NATS_URL names, a `nats-server` on PATH, the one in
 * the user's cache folder, one installed there now.
 */
import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { delimiter, isAbsolute, join } from 'node:path';

import { minimumNatsVersion } from '../../protocol/index.js';

import {
  cachedBinary,
  type InstallOptions,
  installNatsServer,
  type InstallSource,
  noServer,
  versionOf,
} from './install.js';
import { checkGreeting, hidePassword, isAtLeast, readGreeting } from './probe.js';

export interface FindOptions extends Omit<InstallOptions, 'cacheFolder'> {
  /** As `cacheFolderOf` returns it; null = a server can be neither cached nor installed. */
  readonly cacheFolder: string | null;
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

/**
 * `$XDG_CACHE_HOME/distillery`, or the same in `~/.cache`. A relative one would be another folder wherever the command is
 * started: it counts for none, as the XDG specification says.
 * @param homeFolder as `os.homedir`, which throws for a user that the system does not know
 * @returns null when there is no such folder
 */
export function cacheFolderOf(environment: NodeJS.ProcessEnv, homeFolder: () => string): string | null {
  const base = environment.XDG_CACHE_HOME ?? '';
  if (isAbsolute(base)) return join(base, 'distillery');
  let home: string;
  try {
    home = homeFolder();
  } catch {
    return null;
  }
  return isAbsolute(home) ? join(home, '.cache', 'distillery') : null;
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
  const { cacheFolder } = options;
  if (cacheFolder === null) {
    throw noServer('there is no home folder to install it in; set HOME or XDG_CACHE_HOME to an absolute path');
  }
  const cached = cachedBinary(cacheFolder);
  if ((await versionOf(cached)) !== null) return { kind: 'binary', binary: cached, from: 'cache' };
  const binary = await installNatsServer({ ...options, cacheFolder }, options.sources);
  return { kind: 'binary', binary, from: 'installed' };
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
