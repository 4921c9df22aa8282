/** The build of TensorFlow that tests of the runtime `native` load: `npm test` makes it and names it. */
import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

import { nativeFolderName } from '@distillery/protocol';

import { cacheFolderOf } from '../../src/cli/shared/cache-folder.js';
import { nativeFiles } from '../../workers/runtimes/native/addon.js';

/**
 * The folder; null where there is none, such as on a machine without pip or a compiler: the tests are then counted as
 * skipped, and `npm test` has printed the reason.
 */
export function builtNative(): string | null {
  const cache = cacheFolderOf(process.env, homedir);
  const folder = process.env.DISTILLERY_TEST_NATIVE ?? (cache === null ? '' : join(cache, nativeFolderName));
  return existsSync(join(folder, nativeFiles.build)) ? folder : null;
}
