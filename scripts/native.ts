/**
 * `npm run native`: builds the runtime `native` into the user's cache folder, where `distill run` finds it. With `-- --cuda` also
 * what the runtime `cuda` needs to train students, in its place.
 */
import { homedir } from 'node:os';

import { cacheFolderOf } from '../dist/src/cli/shared/cache-folder.js';

import { buildNative } from './native/build.ts';
import { NativeBuildError } from './native/tools.ts';

const words = process.argv.slice(2);
if (words.some((word) => word !== '--cuda')) {
  process.stderr.write(`npm run native: found ${words.join(' ')}, expected --cuda or nothing.\n`);
  process.exit(64);
}
const stop = new AbortController();
const abort = (): void => stop.abort();
process.once('SIGINT', abort).once('SIGTERM', abort);
try {
  const folder = await buildNative({
    variant: words.length > 0 ? 'cuda' : 'cpu',
    cacheFolder: cacheFolderOf(process.env, homedir),
    platform: process.platform,
    arch: process.arch,
    environment: process.env,
    nowMs: Date.now(),
    progress: (line) => void process.stderr.write(`${line}\n`),
    stop: stop.signal,
  });
  process.stdout.write(`${folder}\n`);
} catch (error) {
  if (stop.signal.aborted) process.exit(130);
  if (!(error instanceof NativeBuildError)) throw error;
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
}
