/** A variable that workers refuse is refused before a worker starts. */
import { runtimeChoices } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { checkRunEnvironment } from '../../../../src/cli/local/run-environment.js';
import { WorkerError } from '../../../../workers/base/exit.js';
import { readEnvironment } from '../../../../workers/process/environment.js';

/** True when a worker accepts the variable. */
function workerTakes(name: string, value: string): boolean {
  try {
    readEnvironment({ [name]: value });
  } catch (error) {
    if (error instanceof WorkerError) return !error.message.includes(`${name}: `);
    throw error;
  }
  return true;
}

describe.each([
  ['DISTILL_RUNTIME', [...runtimeChoices, 'abacus', 'CPU', '']],
  ['DISTILL_CACHE_FOLDER', ['/cache', 'cache', './cache']],
  ['DISTILL_CACHE_BYTES', ['1000', '0', '-1', '1e9', '10Gi', '1'.repeat(20)]],
  ['DISTILL_LOG_LEVEL', ['trace', 'debug', 'info', 'warn', 'error', 'verbose', 'fatal', '']],
])('%s', (name, values) => {
  test.each(values)('%j is accepted if a worker accepts it', (value) => {
    const check = (): void => checkRunEnvironment({ [name]: value });
    if (workerTakes(name, value)) check();
    else expect(check).toThrow(new RegExp(`^${name}: found ".*", expected .*\\. Correct it, or unset it\\.$`));
  });
});

test('a variable may be absent', () => {
  checkRunEnvironment({ PATH: '/bin' });
});
