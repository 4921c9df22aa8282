/**
 * What a person is told for each way of getting a job wrong, word for word: golden/malformed.txt. After a wanted change
 * run with UPDATE_GOLDEN=1 and read the diff.
 */
import { readFileSync, writeFileSync } from 'node:fs';

import { problemOf } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { readJob } from '../../../src/api/index.js';
import { malformedJobs, malformedText } from '../../kit/malformed-jobs.js';

const golden = new URL('golden/malformed.txt', import.meta.url);
function told(text: string): string {
  const result = readJob(text, { sourceName: 'job.yaml' });
  if (result.ok) return 'accepted';
  return result.problems
    .map(
      ({ position, message }) =>
        `${position === undefined ? '-' : `${String(position.line)}:${String(position.column)}`} ${message}`,
    )
    .join('\n');
}

describe('a malformed job', () => {
  test('is told in these words', () => {
    const text = malformedJobs.map((one) => `# ${one[0]}\n${told(malformedText(one))}\n`).join('\n');
    if (process.env.UPDATE_GOLDEN !== undefined) writeFileSync(golden, text);
    expect(text).toBe(readFileSync(golden, 'utf8'));
  });

  test.each(malformedJobs.map((one) => [one[0], one] as const))('is refused: %s', (_title, one) => {
    const result = readJob(malformedText(one), { sourceName: 'job.yaml' });
    expect(result.ok).toBe(false);
    if (result.ok) return;
    for (const { message, fault, source } of result.problems) {
      expect(source).toBe('job.yaml');
      for (const part of [problemOf(fault), fault.remedy.slice(1)]) {
        expect(part).not.toBe('');
        expect(message).toContain(part);
      }
    }
  });
});
