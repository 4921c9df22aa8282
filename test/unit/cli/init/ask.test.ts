import { PassThrough } from 'node:stream';

import { describe, expect, it } from '@jest/globals';

import { askPerson } from '../../../../src/cli/init/ask.js';
import type { Question } from '../../../../src/cli/init/request.js';

const question: Question = {
  option: 'teacher',
  what: 'which model is the teacher',
  why: '2 models lie in /work',
  choices: [
    { value: '/work/a.onnx', words: 'onnx' },
    { value: '/work/b\u001b[31m.onnx', words: '' },
  ],
};

interface Asking {
  readonly input: PassThrough;
  readonly stop: AbortController;
  readonly written: string[];
  readonly answer: Promise<number | null>;
}

function asking(): Asking {
  const input = new PassThrough();
  const stop = new AbortController();
  const written: string[] = [];
  const output = { write: (text: string) => written.push(text) > 0 };
  const shown = (value: string): string => value.replace('/work/', '');
  return { input, stop, written, answer: askPerson(question, shown, { input, output }, stop.signal) };
}

describe('a question at a terminal', () => {
  it('lists the choices, without what a terminal acts on', async () => {
    const { input, written, answer } = asking();
    input.write('1\n');
    await answer;
    const text = written.join('');
    expect(text).toContain('Choose which model is the teacher (2 models lie in /work):\n  1  a.onnx  (onnx)\n  2  b');
    expect(text).not.toContain('\u001b');
    expect(text).toContain('1 to 2 (--teacher): ');
  });

  it.each([
    ['a number', '2\n', 1],
    ['the value as it is shown', 'a.onnx\n', 0],
    ['the value', ' /work/a.onnx \n', 0],
    ['a number after answers that are none', '0\nthree\n3\n\n1\n', 0],
  ])('takes %s', async (_, lines, want) => {
    const { input, answer } = asking();
    input.write(lines);
    expect(await answer).toBe(want);
  });

  it('ends with the input', async () => {
    const { input, answer } = asking();
    input.end('9\n');
    expect(await answer).toBeNull();
  });

  it('ends with a stop', async () => {
    const { stop, answer } = asking();
    stop.abort();
    expect(await answer).toBeNull();
  });
});
