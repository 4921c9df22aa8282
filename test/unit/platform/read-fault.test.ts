/** What a failed read means: which errors would come again, which may pass, and how a worker ends by them. */
import { readFaultOf } from '@distillery/platform';
import { describe, expect, test } from '@jest/globals';

import { readFailure } from '../../../workers/samples/index.js';
import { endingOf } from '../../../workers/process/endings.js';

const failed = (code: string): Error => Object.assign(new Error(code), { code });

describe('a read that failed', () => {
  test.each([
    'ENOENT',
    'ENOTDIR',
    'EISDIR',
    'EACCES',
    'EPERM',
    'ELOOP',
    'ENAMETOOLONG',
    'ENXIO',
    'ERR_FS_FILE_TOO_LARGE',
  ])('with %s would fail again: a worker ends for good', (code) => {
    expect(readFaultOf(failed(code), '/nowhere').passes).toBe(false);
    expect(endingOf(readFailure(failed(code), '/nowhere', 'an idx file'))).toBe('terminal');
  });

  test.each(['EIO', 'ESTALE', 'ETIMEDOUT', 'EMFILE', 'ENOMEM', 'EAGAIN'])(
    'with %s may succeed later: a worker is tried again',
    (code) => {
      const error = readFailure(failed(code), '/data/x', 'an idx file');
      expect(error.message).toBe(
        `/data/x: found something that cannot be read (${code}), expected an idx file. Check the disk it lies on.`,
      );
      expect(endingOf(error)).toBe('error');
    },
  );
});
