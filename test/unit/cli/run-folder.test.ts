/** The folder of a run: made whole, taken by one process at a time, resumed as it was. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { CliError } from '../../../src/cli/exit.js';
import { RunFolder } from '../../../src/cli/run-folder.js';
import { plainJob } from '../../kit/snapshots.js';
import { spawnTypeScript } from '../../kit/typescript.js';

let home = '';
let run = '';
let other: ChildProcess | null = null;
/** A pid that is no process: the largest that Linux gives. */
const nobody = 4_194_304;

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'distill-folder-'));
  run = join(home, 'runs', 'mnist');
});

afterEach(async () => {
  if (other !== null) {
    other.kill('SIGKILL');
    await once(other, 'exit');
    other = null;
  }
  rmSync(home, { recursive: true, force: true });
});

function failureOf(work: () => unknown): CliError {
  try {
    work();
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

/** Another process that lives for the test. */
function anotherProcess(): number {
  other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
  return other.pid!;
}

describe('a new run', () => {
  test('leaves the job and a lock with its pid, and folders up to it', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    expect(readdirSync(run).sort()).toEqual(['job.json', 'logs', 'run.lock']);
    expect(JSON.parse(readFileSync(folder.file('job.json'), 'utf8'))).toEqual(plainJob());
    expect(readFileSync(folder.file('run.lock'), 'utf8')).toBe(`${String(process.pid)}\n`);
    expect(folder.file('nats', 'store')).toBe(join(run, 'nats', 'store'));
  });

  test('gives the lock back', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    folder.release();
    folder.release();
    expect(existsSync(folder.file('run.lock'))).toBe(false);
  });

  test('is begun again where one stopped before it trained a step', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    expect(RunFolder.create(run, plainJob(), process.pid).job).toEqual(plainJob());
  });

  test('writes over no run that trained', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    writeFileSync(join(run, 'status.json'), JSON.stringify({ progress: { step: 12 } }));
    const before = readFileSync(join(run, 'job.json'), 'utf8');
    const { ending, message } = failureOf(() => RunFolder.create(run, { ...plainJob(), status: {} }, process.pid));
    expect(ending).toBe('badInput');
    expect(message).toContain('found a run that trained 12 steps there');
    expect(message).toContain(`--resume ${run}`);
    expect(readFileSync(join(run, 'job.json'), 'utf8')).toBe(before);
    expect(existsSync(join(run, 'run.lock'))).toBe(false);
  });
});

describe('two runs', () => {
  test.each<[string, () => unknown]>([
    ['begin', () => RunFolder.create(run, plainJob(), process.pid)],
    ['resume', () => RunFolder.resume(run, process.pid)],
  ])('never work in one folder: the second cannot %s', (_what, enter) => {
    const holder = anotherProcess();
    RunFolder.create(run, plainJob(), holder);
    const { ending, message } = failureOf(enter);
    expect(ending).toBe('badInput');
    expect(message).toContain(`found process ${String(holder)} working on this run`);
    expect(message).toContain(`remove ${join(run, 'run.lock')}`);
    expect(readFileSync(join(run, 'run.lock'), 'utf8')).toBe(`${String(holder)}\n`);
  });

  test.each([
    ['that died', `${String(nobody)}\n`],
    ['that died while it wrote', ''],
    ['of another kind', 'not a pid\n'],
  ])('do not wait for a lock %s', (_what, lock) => {
    RunFolder.create(run, plainJob(), process.pid).release();
    writeFileSync(join(run, 'run.lock'), lock);
    RunFolder.resume(run, process.pid);
    expect(readFileSync(join(run, 'run.lock'), 'utf8')).toBe(`${String(process.pid)}\n`);
    expect(readdirSync(run).sort()).toEqual(['job.json', 'logs', 'run.lock']);
  });
});

describe('many that find the lock of a dead process at once', () => {
  test('do not go on together: one takes the run', async () => {
    RunFolder.create(run, plainJob(), nobody);
    const signal = join(home, 'go');
    const takers = Array.from({ length: 4 }, () => spawnTypeScript('../unit/cli/taker.ts', [run, signal]));
    try {
      const answers = takers.map(({ stdout }) => createInterface({ input: stdout! })[Symbol.asyncIterator]());
      const next = async (): Promise<unknown[]> =>
        Promise.all(answers.map(async (lines) => (await lines.next()).value));
      expect(await next()).toEqual(['ready', 'ready', 'ready', 'ready']);
      writeFileSync(signal, '');
      expect((await next()).sort()).toEqual(['refused', 'refused', 'refused', 'taken']);
    } finally {
      for (const taker of takers) taker.kill('SIGKILL');
    }
  }, 30_000);
});

describe('a run that is resumed', () => {
  test('knows which students were announced before, and nothing else of its status', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    writeFileSync(join(run, 'status.json'), JSON.stringify({ attempts: 3, phase: 'Failed', failures: 7 }));
    expect(RunFolder.resume(run, process.pid).job).toEqual({ ...plainJob(), status: { attempts: 3 } });
  });

  test('goes on with the job as it was', () => {
    RunFolder.create(run, plainJob(), process.pid).release();
    expect(RunFolder.resume(run, process.pid).job).toEqual(plainJob());
  });

  test.each<[string, (file: string) => void, RegExp]>([
    ['has no job', () => undefined, /no readable job\.json/],
    [
      'has a job of half a file',
      (file) => writeFileSync(file, JSON.stringify(plainJob()).slice(0, 80)),
      /a job\.json that no run wrote/,
    ],
    ['has a job that is no job', (file) => writeFileSync(file, '{}'), /a job\.json that no run wrote/],
    [
      'has a job without a uid',
      (file) => {
        const { metadata, ...rest } = plainJob();
        delete metadata.uid;
        writeFileSync(file, JSON.stringify({ ...rest, metadata }));
      },
      /a job\.json that no run wrote/,
    ],
  ])('and %s is refused with a remedy', (_what, damage, found) => {
    mkdirSync(run, { recursive: true });
    damage(join(run, 'job.json'));
    const { ending, message } = failureOf(() => RunFolder.resume(run, process.pid));
    expect(ending).toBe('badInput');
    expect(message).toMatch(found);
    expect(message).toContain('name the one that the run printed when it stopped');
    expect(existsSync(join(run, 'run.lock'))).toBe(false);
  });

  test('although it is complete is refused: it would be trained again', () => {
    const folder = RunFolder.create(run, plainJob(), process.pid);
    writeFileSync(folder.file('status.json'), JSON.stringify({ phase: 'Succeeded' }));
    folder.release();
    // Its model was not fetched yet: that is worth another run.
    RunFolder.resume(run, process.pid).release();
    mkdirSync(folder.file('model'));
    const { ending, message } = failureOf(() => RunFolder.resume(run, process.pid));
    expect([ending, message]).toEqual([
      'badInput',
      `--resume ${run}: found a run that is complete, expected one that was stopped; its model lies in ${join(run, 'model')}`,
    ]);
  });
});

describe('a folder that cannot be written', () => {
  test('because something else stands in its place is said so', () => {
    writeFileSync(join(home, 'runs'), 'a file');
    const { ending, message } = failureOf(() => RunFolder.create(run, plainJob(), process.pid));
    expect(ending).toBe('storage');
    expect(message).toContain(`run folder ${run}: found that it cannot be written`);
    expect(message).toContain('choose another with --dir');
  });

  test('in the kernel is said so, and no lock stays', () => {
    const { ending, message } = failureOf(() => RunFolder.create('/proc/distill', plainJob(), process.pid));
    expect(ending).toBe('storage');
    expect(message).toContain('run folder /proc/distill');
  });
});
