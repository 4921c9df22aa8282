/** `distill slots`: which run it finds, and which numbers a run accepts. */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { markFolderSync } from '@distillery/platform';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { slotsFile, writeSlots, watchSlots } from '../../../../src/cli/local/slots.js';
import { FakeClock } from '../../../kit/clock.js';

let runs: string;
beforeEach(() => {
  runs = mkdtempSync(join(tmpdir(), 'distill-slots-'));
});
afterEach(() => {
  rmSync(runs, { recursive: true, force: true });
});

/** @param pid in its lock */
function run(name: string, pid: number): string {
  const folder = join(runs, name);
  mkdirSync(folder);
  markFolderSync(folder, { kind: 'run' });
  writeFileSync(join(folder, 'run.lock'), `${String(pid)}\n`);
  return folder;
}

/** The pid of no process: the kernel assigns none above 2^22. */
const deadPid = 2 ** 30;

describe('distill slots', () => {
  test('returns the folder that was named', () => {
    const folder = run('one', process.pid);
    expect(writeSlots(3, folder, runs)).toBe(folder);
    expect(readFileSync(join(folder, slotsFile), 'utf8')).toBe('3\n');
  });

  test('finds the only running run when no folder is named', () => {
    run('over', deadPid);
    writeFileSync(join(runs, 'a file'), '');
    const folder = run('one', process.pid);
    expect(writeSlots(0, undefined, runs)).toBe(folder);
  });

  test('is refused when no run is running, or several are', () => {
    const over = run('over', deadPid);
    expect(() => writeSlots(1, over, runs)).toThrow(/--dir .*over: no run is running there/);
    expect(() => writeSlots(1, undefined, runs)).toThrow(
      /: no run is running there\. Name the folder of the run with --dir/,
    );
    expect(() => writeSlots(1, undefined, join(runs, 'nowhere'))).toThrow(/: no run is running there/);
    run('one', process.pid);
    run('two', process.pid);
    expect(() => writeSlots(1, undefined, runs)).toThrow(/several runs are running \(.*one, .*two\)/);
  });
});

test('is refused for a folder that is not one of a run, and writes nothing there', () => {
  const folder = join(runs, 'mine');
  mkdirSync(folder);
  writeFileSync(join(folder, 'run.lock'), `${String(process.pid)}\n`);
  writeFileSync(join(folder, slotsFile), 'of the slot machines');
  expect(() => writeSlots(3, folder, runs)).toThrow(/no run is running there/);
  expect(() => writeSlots(3, '', runs)).toThrow('--dir: the name of the folder is empty. Name a folder.');
  expect(readFileSync(join(folder, slotsFile), 'utf8')).toBe('of the slot machines');
});

describe('a run', () => {
  test('reads each number once, and ignores other text', async () => {
    const folder = run('one', process.pid);
    const file = join(folder, slotsFile);
    writeFileSync(file, '7\n');
    const clock = new FakeClock(0);
    const stop = new AbortController();
    const read: number[] = [];
    const watching = watchSlots(folder, clock, stop.signal, (slots) => read.push(slots));
    // A number for an earlier run.
    expect(existsSync(file)).toBe(false);
    for (const text of ['3\n', '3\n', 'many', '-1', '1e3', '999999999', '2\n', '3\n']) {
      writeFileSync(file, text);
      await clock.advance(250);
    }
    expect(read).toEqual([3, 2, 3]);
    stop.abort();
    await clock.advance(250);
    await watching;
  });
});
