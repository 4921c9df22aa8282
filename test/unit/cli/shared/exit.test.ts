/** How the command ends: one exit code for each kind of end, and the sentence that goes with it. */
import type { Fault } from '@distillery/base';
import { CommanderError } from 'commander';
import { describe, expect, test } from '@jest/globals';

import { CliError, storageFault } from '../../../../src/cli/shared/cli-error.js';
import { type Ending, exitCodes } from '../../../../src/cli/shared/exit.js';
import { exitCodeOf } from '../../../../src/cli/shared/exit-code.js';
import { StreamError, type StreamErrorReason } from '../../../../src/stream/index.js';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: write`), { code, errno: -1, syscall: 'write' });
}

function ended(error: unknown, faults: 'sentence' | 'stack' = 'sentence'): { code: number; text: string } {
  let text = '';
  const code = exitCodeOf(error, faults, (piece) => (text += piece));
  return { code, text };
}

function faultOf(problem: string): Fault {
  return { about: '', problem, remedy: '' };
}

describe('an exit code', () => {
  test('is one of sysexits or of the shell, each of another kind', () => {
    expect(exitCodes).toEqual({
      ok: 0,
      failed: 1,
      usage: 2,
      badInput: 65,
      unavailable: 69,
      storage: 74,
      interrupted: 130,
      outputClosed: 141,
      terminated: 143,
    });
  });

  const endings = Object.keys(exitCodes).filter((ending): ending is Exclude<Ending, 'ok'> => ending !== 'ok');
  test.each(endings)('of an error that a person can act on (%s) comes with its sentence alone', (ending) => {
    expect(ended(new CliError(ending, faultOf('do this')))).toEqual({ code: exitCodes[ending], text: 'do this\n' });
  });

  test.each<[StreamErrorReason, number]>([
    ['unreachable', 69],
    ['unauthorized', 69],
    ['tooOld', 69],
    ['noJetStream', 69],
    ['noServer', 69],
    ['full', 74],
    ['missing', 1],
    ['refused', 1],
    ['damaged', 1],
  ])('of a stream that is %s is %d', (kind, code) => {
    expect(ended(new StreamError(kind, { about: 'NATS', problem: 'it is off', remedy: 'start the server' }))).toEqual({
      code,
      text: 'NATS: it is off. Start the server.\n',
    });
  });

  test.each([
    ['ENOSPC', 'no space is left on its disk'],
    ['EDQUOT', 'the disk quota is used up'],
    ['EROFS', 'the file system is read-only'],
    ['EACCES', 'it may not be read or written'],
    ['EIO', 'an input/output error'],
  ])('of a disk that says %s is 74', (code, words) => {
    const { code: exitCode, text } = ended(systemError(code));
    expect(exitCode).toBe(74);
    expect(text).toContain(words);
    // Only a run's folder says which run, and whether there is one.
    expect(text).not.toContain('resume');
  });

  test.each<[string, number, number]>([
    ['help was asked for', 0, 0],
    ['an option is wrong', 1, 2],
  ])('when %s is that of the command line, printed already', (_what, exitCode, want) => {
    expect(ended(new CommanderError(exitCode, 'commander.x', 'x'))).toEqual({ code: want, text: '' });
  });

  test.each([
    [
      'an error',
      new TypeError('x is undefined'),
      /^internal error: x is undefined\. This is a bug in distill. Report it[^\n]*\n$/,
    ],
    [
      'an error without a stack',
      Object.assign(new Error('bare'), { stack: undefined }),
      /^internal error: bare\. This is[^\n]*\n$/,
    ],
    ['something else', 'a text', /^internal error: a text\. This is[^\n]*\n$/],
    ['an error of the system that is not about the disk', systemError('ECONNRESET'), /^internal error: ECONNRESET/],
  ])('of %s that is a bug is 1, in one sentence', (_what, error, want) => {
    const { code, text } = ended(error);
    expect(code).toBe(1);
    expect(text).toMatch(want);
  });

  test('comes with a stack only under DISTILL_LOG_LEVEL=debug', () => {
    expect(ended(new TypeError('x is undefined'), 'stack').text).toMatch(/^internal error: .*\nTypeError: x.*\n +at /);
  });

  test('comes with no character that a terminal acts on, each fault on its own line', () => {
    const { text } = ended(
      new CliError('failed', { faults: ['a\u001b[2Jb\u009b1m', 'c\rd'].map(faultOf), remedy: '' }),
    );
    expect(text).toBe('a\\u001b[2Jb\\u009b1m\nc d\n');
  });
});

describe('a fault of the disk', () => {
  test.each([systemError('ENOENT'), new Error('ENOSPC'), 'ENOSPC', null])('is not seen in %p', (error) => {
    expect(storageFault(error)).toBeNull();
  });
});
