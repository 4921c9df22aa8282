/** What each end of a worker costs. */
import { chargeOf, exitCodeRows, failureCodes, isEndFromOutside, workerExitCodes } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

describe('an exit code', () => {
  test.each([
    ['done', 0, 'blameless', false],
    ['an error', 1, 'charged', false],
    ['bad input', 65, 'fatal', false],
    ['a stream out of reach', 69, 'blameless', false],
    ['a full disk', 74, 'blameless', false],
    ['a newer attempt', 75, 'blameless', false],
    ['SIGKILL', 137, 'blameless', true],
    ['SIGTERM', 143, 'blameless', true],
    ['a code that no worker chooses', 2, 'charged', false],
    ['SIGSEGV', 139, 'charged', false],
  ])('of %s (%i) is %s', (_why, code, charge, isFromOutside) => {
    expect([chargeOf(code), isEndFromOutside(code)]).toEqual([charge, isFromOutside]);
  });

  test('of every ending has one row, in ascending order', () => {
    const codes = exitCodeRows.map(({ code }) => code);
    expect(codes).toEqual([...new Set(codes)].toSorted((a, b) => a - b));
    expect(codes).toEqual(expect.arrayContaining(Object.values(workerExitCodes)));
  });

  test('that costs nothing is listed for podFailurePolicy without 0, which is no failure', () => {
    expect(failureCodes('blameless')).toEqual([69, 74, 75, 137, 143]);
    expect(failureCodes('fatal')).toEqual([65]);
  });
});
