/** A stop ends the process at once before the command began and at the second request, and otherwise aborts a signal. */
import { EventEmitter } from 'node:events';

import { beforeEach, describe, expect, test } from '@jest/globals';

import { Stop } from '../../../../src/cli/shared/stop.js';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  readonly written: string[] = [];
  readonly stderr = { write: (text: string): void => void this.written.push(text) };

  exit(code: number): void {
    this.exits.push(code);
  }
}

let nowMs = 0;
let fake = new FakeProcess();
let stop = Stop.listen(fake, () => nowMs);

beforeEach(() => {
  nowMs = 1_000;
  fake = new FakeProcess();
  stop = Stop.listen(fake, () => nowMs);
});

const signals = [
  ['SIGINT', 130, 'interrupted'],
  ['SIGTERM', 143, 'terminated'],
  ['SIGHUP', 143, 'terminated'],
] as const;

describe.each(signals)('%s', (signal, code, ending) => {
  test('before the command began ends the process with a sentence', () => {
    fake.emit(signal);
    expect(fake.exits).toEqual([code]);
    expect(fake.written).toEqual(['distill: stopped before it began. Nothing was changed.\n']);
    expect(stop.signal.aborted).toBe(false);
  });

  test('afterwards lets the command end by itself', () => {
    stop.begin();
    fake.emit(signal);
    expect({ aborted: stop.signal.aborted, ending: stop.ending }).toEqual({ aborted: true, ending });
    expect([fake.exits, fake.written]).toEqual([[], []]);
  });

  test('twice at once is one request', () => {
    stop.begin();
    fake.emit(signal);
    nowMs += 199;
    fake.emit(signal);
    expect(fake.exits).toEqual([]);
  });

  test('a second time ends the process', () => {
    stop.begin();
    fake.emit('SIGINT');
    nowMs += 200;
    fake.emit(signal);
    expect(fake.exits).toEqual([code]);
  });
});

test('a lost output stops the command as a signal does', () => {
  stop.begin();
  stop.because('outputClosed');
  expect({ aborted: stop.signal.aborted, ending: stop.ending }).toEqual({ aborted: true, ending: 'outputClosed' });
});
