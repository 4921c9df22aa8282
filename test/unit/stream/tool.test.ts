/** Running a tool: what it says, its limits, and that nothing it started outlives it. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, describe, expect, test } from '@jest/globals';

import { runTool, ToolError } from '../../../src/stream/server/tool.js';
import { isAlive } from '../../kit/distill.js';
import { until } from '../../kit/until.js';

const folder = mkdtempSync(join(tmpdir(), 'distillery-tool-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;

const shell = (script: string, changes: Partial<Parameters<typeof runTool>[2]> = {}): Promise<string> =>
  runTool('sh', ['-c', script], { limitMs: 20_000, stop: new AbortController().signal, ...changes });

test('a tool has the variables and the folder that it is given, and its output is returned', async () => {
  expect(await shell('echo $WORD; pwd', { environment: { WORD: 'yes' }, cwd: '/tmp' })).toBe('yes\n/tmp\n');
});

test.each<[string, () => Promise<string>, string]>([
  ['fails', () => shell('echo one >&2; echo two >&2; exit 3'), 'two'],
  ['fails without a word', () => shell('exit 3'), 'sh ended with exit code 3'],
  ['takes too long', () => shell('sleep 60', { limitMs: 50 }), 'sh took longer than 0.05 s'],
  [
    'is not there',
    () => runTool('/nowhere/go', [], { limitMs: 1_000, stop: new AbortController().signal }),
    '/nowhere/go cannot be started',
  ],
])('a tool that %s is reported in a sentence', async (_, run, sentence) => {
  const running = run();
  await expect(running).rejects.toBeInstanceOf(ToolError);
  await expect(running).rejects.toThrow(sentence);
});

describe('what a tool started ends', () => {
  /** Starts a process of its own, tells its pid by the folder's log, and goes on. */
  const starting = (after: string): string => `sleep 60 >/dev/null 2>&1 & echo $!; ${after}`;

  test('with the tool', async () => {
    const pid = Number(await shell(starting('exit 0')));
    await until('the end of what was left', () => !isAlive(pid));
  });

  test.each([
    ['at a stop', 'wait'],
    ['at a stop that it does not hear', `trap '' TERM; wait`],
  ])('%s', async (_, after) => {
    const file = join(folder, `pid-${String(files++)}`);
    const stop = new AbortController();
    const running = shell(`trap '' HUP; sleep 60 & echo $! > ${file}; ${after}`, { stop: stop.signal });
    const pid = (): number => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
    await until('the tool', () => pid() > 0);
    stop.abort();
    await expect(running).rejects.toMatchObject({ name: 'AbortError' });
    await until('the end of what it started', () => !isAlive(pid()));
  });

  test('before it begins when the stop was earlier', async () => {
    const stop = new AbortController();
    stop.abort();
    await expect(shell('exit 0', { stop: stop.signal })).rejects.toMatchObject({ name: 'AbortError' });
  });
});
