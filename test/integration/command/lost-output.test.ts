/** When its output goes to a full disk, `distill` ends with a sentence and 74, without a stack. */
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { exitCodes } from '../../../src/cli/shared/exit.js';
import { distillProgram } from '../../kit/programs.js';

const root = join(import.meta.dirname, '../../..');
/** Every write to this device of Linux fails as on a full disk. */
const full = '/dev/full';
const testWithFull = existsSync(full) ? test : test.skip;

testWithFull.each<[string, string[]]>([
  ['--help', ['--help']],
  ['--version', ['--version']],
  ['validate', ['validate', join(root, 'examples/mnist/job.yaml')]],
])('%s ends with a sentence', (_what, args) => {
  const output = openSync(full, 'w');
  try {
    const { status, stderr } = spawnSync(process.execPath, [distillProgram, ...args], {
      stdio: ['ignore', output, 'pipe'],
      encoding: 'utf8',
    });
    expect({ status, stderr }).toEqual({
      status: exitCodes.storage,
      stderr: expect.stringMatching(
        /^standard output: it cannot be written \(ENOSPC[^\n]*\)\. Free some space[^\n]*\n$/,
      ),
    });
  } finally {
    closeSync(output);
  }
});
