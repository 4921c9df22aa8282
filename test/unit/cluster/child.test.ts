/** One child: its last words, its log, and how it is made to go. */
import { readFileSync } from 'node:fs';

import { afterEach, describe, expect, test } from '@jest/globals';

import { type Child, endedFromOutside, startChild } from '../../../src/cluster/local/child.js';
import { isAlive } from '../../kit/typescript.js';
import { WorkerScripts } from './worker-scripts.js';
import { until } from '../../kit/until.js';

const cleanups: (() => void)[] = [];

afterEach(() => {
  for (const cleanup of cleanups.splice(0).reverse()) cleanup();
});

function start(plan: string): { child: Child; workers: WorkerScripts; log: () => string } {
  const workers = new WorkerScripts({ teacher: [plan] });
  const logFile = workers.file('logs', 'cpu-0.log');
  const child = startChild({
    script: workers.scripts.teacher,
    environment: { DISTILL_FOLDER: workers.folder },
    logFile,
    terminationFile: workers.file('logs', 'cpu-0.end'),
    background: true,
  });
  cleanups.push(() => {
    child.stop(0);
    workers.remove();
  });
  return { child, workers, log: () => readFileSync(logFile, 'utf8') };
}

describe('a child', () => {
  test('says why it ended', async () => {
    const { child } = start('exit 65 no such model');
    expect(await child.end).toEqual({ ended: { exitCode: 65, message: 'no such model' }, signal: null });
  });

  test('that writes no message gets one', async () => {
    const { child } = start('exit 3');
    expect((await child.end).ended.message).toBe('exited with code 3');
  });

  test('writes its output into its log', async () => {
    const { log } = start('run');
    await until('it wrote', () => log().includes('ready'));
  });

  test('exits when it is asked, and is not killed afterwards', async () => {
    const { child, log } = start('run');
    await until('it listens', () => log().includes('ready'));
    child.stop(60_000);
    const end = await child.end;
    expect(end).toMatchObject({ ended: { exitCode: 143 }, signal: null });
    expect(endedFromOutside(end)).toBe(true);
  });

  test('that ignores SIGTERM is killed after the grace period of the first call', async () => {
    const { child, log } = start('stubborn');
    await until('it listens', () => log().includes('ready'));
    child.stop(200);
    child.stop(60_000);
    const end = await child.end;
    expect(end).toEqual({ ended: { exitCode: null, message: 'ended by SIGKILL' }, signal: 'SIGKILL' });
    expect(isAlive(child.pid)).toBe(false);
    expect(log().match(/asked/g)).toHaveLength(1);
  });

  test('may be stopped after it ended', async () => {
    const { child } = start('exit 0');
    await child.end;
    expect(() => child.stop(0)).not.toThrow();
  });

  test('whose script is missing ends with an error of its own', async () => {
    const workers = new WorkerScripts();
    cleanups.push(() => workers.remove());
    const child = startChild({
      script: workers.file('nowhere.mjs'),
      environment: {},
      logFile: workers.file('logs', 'x.log'),
      terminationFile: workers.file('logs', 'x.end'),
      background: false,
    });
    expect((await child.end).ended.exitCode).toBe(1);
    expect(readFileSync(workers.file('logs', 'x.log'), 'utf8')).toContain('nowhere.mjs');
  });

  test('cannot be started where its log cannot be written', () => {
    const workers = new WorkerScripts();
    cleanups.push(() => workers.remove());
    const below = (file: string): string => workers.file('teacher.plan', file);
    const spec = { script: workers.scripts.teacher, environment: {}, background: false };
    expect(() => startChild({ ...spec, logFile: below('x.log'), terminationFile: below('x.end') })).toThrow(
      /EEXIST|ENOTDIR/,
    );
  });
});

describe('an end', () => {
  test.each<[string, NodeJS.Signals | null, number | null, boolean]>([
    ['by SIGKILL', 'SIGKILL', null, true],
    ['by SIGTERM', 'SIGTERM', null, true],
    ['by SIGHUP', 'SIGHUP', null, true],
    ['as asked', null, 143, true],
    ['by a broken pointer', 'SIGSEGV', null, false],
    ['by an abort', 'SIGABRT', null, false],
    ['by an error', null, 1, false],
    ['by bad input', null, 65, false],
  ])('%s came from outside or not', (_what, signal, exitCode, want) => {
    expect(endedFromOutside({ ended: { exitCode, message: '' }, signal })).toBe(want);
  });
});
