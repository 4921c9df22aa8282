/** How the person who started this process starts the next one: `distill`, through npm, or by its file. Pure. */
import { basename, delimiter, dirname } from 'node:path';

import type { StartedBy } from '../config.js';

import { shellCommand } from './shell-words.js';

/** @returns words for a shell, already quoted; arguments are appended to them */
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
