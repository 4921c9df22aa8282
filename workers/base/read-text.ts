/** Files that the environment names. */
import { TextError, within } from '@distillery/base';
import { readFaultOf, readTextSync } from '@distillery/platform';

import { WorkerError } from './exit.js';

/** @throws WorkerError terminal */
export function readText(file: string, what: string): string {
  try {
    return readTextSync(file);
  } catch (error) {
    const about = `${what} ${file}`;
    const fault =
      error instanceof TextError
        ? within(about, error.fault)
        : {
            about,
            found: readFaultOf(error, file).found,
            expected: 'a text file',
            remedy: 'mount it as the operator does (docs/protocol.md)',
          };
    throw new WorkerError('terminal', fault, { cause: error });
  }
}
