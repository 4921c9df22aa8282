/** The log of a run: one JSON object a line, at once; it never fails whoever logs. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { fileLog } from '../../../src/telemetry/index.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-log-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a log', () => {
  test('has each line in the file when the call returns, after those of a run before', () => {
    const path = join(folder, 'engine.log');
    fileLog(path).info({ step: 1 }, 'first');
    const log = fileLog(path);
    log.warn({ step: 2 }, 'second');
    log.error({ step: 3 }, 'third');
    const lines = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ level, step, msg }) => [level, step, msg])).toEqual([
      [30, 1, 'first'],
      [40, 2, 'second'],
      [50, 3, 'third'],
    ]);
    for (const { time } of lines) expect(new Date(String(time)).getFullYear()).toBeGreaterThan(2_000);
  });

  test('on a full disk loses lines, and nobody fails by it', () => {
    const log = fileLog('/dev/full');
    for (let line = 0; line < 3; line++) expect(() => log.warn({ line }, 'no room')).not.toThrow();
  });

  test('that cannot be opened says so at once', () => {
    expect(() => fileLog(join(folder, 'nowhere', 'engine.log'))).toThrow('ENOENT');
  });
});
