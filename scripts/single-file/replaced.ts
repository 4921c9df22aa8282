/** What the program of one file does without. */
import { join } from 'node:path';

import type { Plugin } from 'esbuild';

/** Files of what starts workers, which are files of their own: the commands of a laptop, and reading a bucket. */
const thisMachine = [
  'local-needs.js',
  'bucket-needs.js',
  'init/commands.js',
  'local/commands.js',
  'offline/commands.js',
];
/** Native code, which a file of its own would have to be loaded from; the commands of a cluster decode no frame. */
const native = ['@node-rs/crc32'];

/** Replaces modules that are never reached by ones that say so. @param root folder of the repository */
export function withoutThisMachine(root: string): Plugin {
  const folders = thisMachine.map((file) => join(root, 'dist/src/cli', file));
  return {
    name: 'without-this-machine',
    setup: (build) => {
      build.onResolve({ filter: /./ }, ({ path }) =>
        native.includes(path) ? { path, namespace: 'replaced' } : undefined,
      );
      build.onLoad({ filter: /.*/, namespace: 'replaced' }, ({ path }) => ({
        contents: `exports.crc32c = () => { throw new Error(${JSON.stringify(`${path} is not part of this program`)}); };`,
      }));
      build.onLoad({ filter: /commands\.js$|-needs\.js$/ }, ({ path }) =>
        folders.includes(path) ? { contents: 'module.exports = {};', loader: 'js' } : undefined,
      );
    },
  };
}
