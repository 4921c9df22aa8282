/** One line of a terminal that is overwritten. Elsewhere than on a terminal it is not shown. */
import { printable, printableLines } from '@distillery/base';

import type { Terminal } from '../shared/standard-output.js';

export interface ProgressLine {
  /** Writes a line that stays. */
  readonly keep: (line: string) => void;
  readonly replace: (line: string) => void;
}

const everyMs = 200;
const toLineStart = '\r\x1b[K';

export function progressLine(terminal: Terminal, now: () => number): ProgressLine {
  let last = -Infinity;
  let isDrawn = false;
  return {
    keep: (line) => {
      terminal.write(`${isDrawn ? toLineStart : ''}${printableLines(line)}\n`);
      isDrawn = false;
    },
    replace: (line) => {
      if (terminal.isTTY !== true || now() - last < everyMs) return;
      last = now();
      isDrawn = true;
      terminal.write(`${toLineStart}${printable(line)}`);
    },
  };
}
