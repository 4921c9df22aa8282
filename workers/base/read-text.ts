/** Files that the environment names. */
import { TextError } from '@distillery/base';
import { readFaultOf, readTextSync } from '@distillery/platform';

import { WorkerError } from './exit.js';

/** @throws WorkerError terminal */
export function readText(file: string, what: string): string {
  try {
    return readTextSync(file);
  } catch (error) {
    const sentence =
      error instanceof TextError ? error.message : `found ${readFaultOf(error, file).found}, expected a text file`;
    throw new WorkerError('terminal', `${what} ${file}: ${sentence}`, { cause: error });
  }
}
