import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

const script = join(import.meta.dirname, '../../../scripts/commit-subjects.ts');

function check(subject: string): { status: number | null; stderr: string } {
  return spawnSync(process.execPath, [script, '-'], { input: `${subject}\n`, encoding: 'utf8' });
}

test.each(['stream: retry a publish that got no answer', 'cli, docs: name the flag', `a: ${'x'.repeat(69)}`])(
  'takes %j',
  (subject) => {
    expect(check(subject)).toMatchObject({ status: 0, stderr: '' });
  },
);

test.each([
  ['Retry a publish', 'no area'],
  ['Stream: retry', 'no area'],
  ['stream:retry', 'no area'],
  ['stream: retry.', 'ends with a period'],
  [`a: ${'x'.repeat(70)}`, '73 characters'],
])('refuses %j', (subject, problem) => {
  const { status, stderr } = check(subject);
  expect(status).toBe(1);
  expect(stderr).toContain(problem);
});
