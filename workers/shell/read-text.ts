/** Files that the environment names. */
import { readFileSync } from 'node:fs';

import { WorkerError } from './exit.js';

/** @throws WorkerError terminal */
export function readText(file: string, what: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new WorkerError('terminal', `${what}: cannot read ${file}: ${String(error)}`, { cause: error });
  }
}
