/** The command line with which the person started this process: `distill`, through npm, or by its file. Pure. */
import { basename, delimiter, dirname } from 'node:path';

import { shellCommand } from './shell-words.js';

/** What started this process. npm puts `distill` on the PATH of its own children alone. */
export type StartedBy =
  | { readonly kind: 'shell' }
  /** npx, or a script of a package that depends on this one. */
  | { readonly kind: 'npx' }
  /** A script of this package; `prefix` is the package's folder when the person was outside of it, otherwise null. */
  | { readonly kind: 'npmScript'; readonly prefix: string | null };

/** @returns quoted words for a shell, to which arguments can be appended */
export function ownCommand(process: {
  readonly startedBy: StartedBy;
  /** PATH. */
  readonly path: string;
  /** The program of Node.js. */
  readonly node: string;
  /** The file that Node.js runs: `distill` as installed, or main.js. */
  readonly script: string;
}): string {
  const { startedBy, path, node, script } = process;
  switch (startedBy.kind) {
    case 'npmScript':
      return startedBy.prefix === null
        ? 'npm run distill --'
        : `${shellCommand(['npm', '--prefix', startedBy.prefix, 'run', 'distill'])} --`;
    case 'npx':
      return 'npx distill';
    case 'shell':
      if (basename(script) !== 'distill') return shellCommand([node, script]);
      return path.split(delimiter).includes(dirname(script)) ? 'distill' : shellCommand([script]);
  }
}
