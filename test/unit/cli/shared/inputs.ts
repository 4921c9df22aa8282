/** `readInput` as the command calls it, with nothing on standard input unless a test says otherwise. */
import { Readable } from 'node:stream';

import { readInput, type ReadInput } from '../../../../src/cli/shared/input.js';

export function readInputOf(
  stdin: Readable = Readable.from([]),
  stop: AbortSignal = new AbortController().signal,
): ReadInput {
  return (path) => readInput(path, { stdin, stop: { signal: stop, ending: 'interrupted' } });
}
