/** Run folders that are in use, of another owner or read-only, and disks that become full during a run. */
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { distillExit, DistillProcess, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

import { endingInShell, endingOf, endingOfRun, hasModel, nothingLeft } from './ending.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-storage-'));
let job = '';
let undisturbed = '';

/** Flatten and one Dense layer: a checkpoint of 3 × 4 × 7,850 bytes, which a limit can be set below. */
function linearStudent(): string {
  const path = join(folder, 'student.json');
  const layers = [
    { class_name: 'Flatten', config: { name: 'flatten', batch_input_shape: [null, 28, 28, 1] } },
    { class_name: 'Dense', config: { name: 'dense', units: 10, activation: 'linear' } },
  ];
  writeFileSync(path, JSON.stringify({ class_name: 'Sequential', config: { name: 'linear', layers } }));
  return path;
}

function smallSpec(spec: SmallSpec): void {
  Object.assign(spec.training, { epochs: 4 });
  // The least that is allowed, so that a small disk has room for the streams at first.
  spec.logits.maxBytes = '16Mi';
  spec.student.model = { uri: `file://${join(folder, 'student.json')}` };
  spec.student.checkpoint = { everySteps: 8, keep: 2, store: 'file' };
  spec.backoffLimit = 0;
}

beforeAll(async () => {
  linearStudent();
  job = writeSmallJob(folder, smallMnist(join(folder, 'data'), { train: 1_024, test: 64 }), smallSpec);
  const place = join(folder, 'undisturbed');
  const run = new DistillProcess(['run', job, '--json', '--dir', place]);
  expect(await endingOf(run, place)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
  undisturbed = run.result?.digest ?? '';
});

const mounts: string[] = [];
afterAll(() => {
  for (const path of mounts) spawnSync('umount', [path]);
  rmSync(folder, { recursive: true, force: true });
});

/** A file system in memory, where this user may mount one. */
function mountMemory(name: string, options: string): string | null {
  const path = join(folder, name);
  mkdirSync(path);
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', options, 'tmpfs', path]).status !== 0) return null;
  mounts.push(path);
  return path;
}

async function resumesAlike(place: string): Promise<void> {
  const run = new DistillProcess(['run', '--resume', place, '--json']);
  expect(await endingOf(run, place)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
  expect(run.result?.digest).toBe(undisturbed);
  expect(hasModel(place)).toBe(true);
}

describe('--resume', () => {
  it.each([
    { what: 'a folder that is not there', prepare: () => undefined, want: 'no readable job.json there' },
    { what: 'a folder without a run', prepare: (at: string) => mkdirSync(at), want: 'no readable job.json there' },
    {
      what: 'a folder whose job.json is something else',
      prepare: (at: string) => {
        mkdirSync(at);
        writeFileSync(join(at, 'job.json'), '{}');
      },
      want: 'a job.json that no run wrote',
    },
    {
      what: 'a folder whose job.json is cut off',
      prepare: (at: string) => {
        mkdirSync(at);
        writeFileSync(join(at, 'job.json'), readFileSync(join(folder, 'undisturbed/job.json')).subarray(0, 100));
      },
      want: 'a job.json that no run wrote',
    },
  ])('of $what is refused', async ({ what, prepare, want }) => {
    const place = join(folder, what.replaceAll(' ', '-'));
    prepare(place);
    const ending = await endingOf(new DistillProcess(['run', '--resume', place, '--json']), place);
    expect(ending).toEqual({
      exitCode: distillExit.badInput,
      message: `--resume ${place}: found ${want}, expected the folder of a run. Name the one that the run printed when it stopped.`,
      ...nothingLeft,
    });
    expect(existsSync(join(place, 'run.lock'))).toBe(false);
  });
});

describe('a run folder', () => {
  it('is used by one process at a time, and by one run', async () => {
    const place = join(folder, 'shared');
    const first = new DistillProcess(['run', job, '--json', '--dir', place]);
    await first.until('it trains', () => first.progress?.pids.student !== null && first.progress !== undefined);
    // Held, so that it is not over before the others have started.
    const student = first.progress!.pids.student!;
    process.kill(student, 'SIGSTOP');
    for (const args of [
      ['run', job, '--dir', place],
      ['run', '--resume', place],
    ]) {
      const second = new DistillProcess([...args, '--json']);
      expect(await second.ended()).toBe(distillExit.badInput);
      expect(second.stderr).toContain(`${place}: process ${String(first.child.pid)} is using this folder. Wait`);
    }
    process.kill(student, 'SIGCONT');
    expect(await endingOf(first, place)).toMatchObject({ exitCode: distillExit.ok, ...nothingLeft });
    expect(first.result?.digest).toBe(undisturbed);

    const again = await endingOfRun(job, place);
    expect(again).toMatchObject({ exitCode: distillExit.badInput, ...nothingLeft });
    expect(again.message).toMatch(
      /^--dir .+: found a run that trained 64 steps there, expected a new folder\. Use --resume .+ to continue it, or name another folder\.$/,
    );
    expect(hasModel(place)).toBe(true);
  });

  it('below a file is refused', async () => {
    const place = join(job, 'run');
    expect(await endingOf(new DistillProcess(['run', job, '--json', '--dir', place]), place)).toEqual({
      exitCode: distillExit.badInput,
      message: `--dir ${place}: ${job} is not a folder. Name another folder.`,
      ...nothingLeft,
    });
  });

  it('on a read-only file system is refused', async () => {
    // Where nothing may be mounted, /proc is one that every Linux has: it refuses folders with ENOENT.
    const readOnly = mountMemory('read-only', 'ro,size=1m');
    const place = join(readOnly ?? '/proc', 'run');
    const { message, ...ending } = await endingOfRun(job, place);
    expect(ending).toEqual({ exitCode: distillExit.storage, ...nothingLeft });
    expect(message).toBe(
      readOnly === null
        ? `run folder ${place}: cannot be written (ENOENT: no such file or directory, mkdir '${place}'). ` +
            'Name another folder with --dir.'
        : `run folder ${place}: the file system is read-only (EROFS). Mount it writable.`,
    );
  });
});

describe('a disk that fills up', () => {
  it('at a limit on the size of files ends the run with 74, resumable without the limit', async () => {
    const place = join(folder, 'limited');
    // Kilobytes: room for every file but a checkpoint.
    const limited = await endingInShell('ulimit -f 80; exec "$@"', ['run', job, '--json', '--dir', place], place);
    const { message, ...ending } = limited;
    expect(ending).toEqual({ exitCode: distillExit.storage, ...nothingLeft });
    // The store of logits grows, too, while the student loads.
    expect(message).toMatch(
      /(^The student failed 1 time, .* the last error: checkpoint store|^NATS server) .+: a limit on the size of a file is reached \(EFBIG\)\. Raise it \(ulimit -f\)/,
    );
    await resumesAlike(place);
  });

  it('at such a limit that only the server of the run meets ends the run with 74, resumable without the limit', async () => {
    const place = join(folder, 'limited-server');
    const file = writeSmallJob(folder, `file://${join(folder, 'data')}`, (spec) => {
      smallSpec(spec);
      // None before the last step, and logits of 160 KB until then.
      spec.student.checkpoint = { everySteps: 64, keep: 2, store: 'file' };
    });
    const run = ['run', file, '--json', '--dir', place];
    const { message, ...ending } = await endingInShell('ulimit -f 80; exec "$@"', run, place);
    expect(ending).toEqual({ exitCode: distillExit.storage, ...nothingLeft });
    expect(message).toBe(
      `NATS server of run folder ${place}: a limit on the size of a file is reached (EFBIG). ` +
        `Raise it (ulimit -f), then use --resume ${place} to continue the run.`,
    );
    await resumesAlike(place);
  });

  const disk = mountMemory('disk', 'size=2g');
  const small = mountMemory('small', 'size=1m');
  // Where nothing may be mounted, the limit above is the way to a full disk.
  if (disk === null || small === null) return;
  const resize = (kilobytes: number): boolean =>
    spawnSync('mount', ['-o', `remount,size=${String(kilobytes)}k`, disk]).status === 0;
  /** Leaves almost no free space. The system refuses it when the run has written more in the meantime. */
  const fillUp = (): void => {
    for (let spare = 64; ; spare *= 2) {
      const { blocks, bfree, bsize } = statfsSync(disk);
      if (resize(((blocks - bfree) * bsize) / 1024 + spare)) return;
      if (spare > 1024) throw new Error('the disk could not be made smaller');
    }
  };

  it.each([{ store: 'file' }, { store: 'nats' }])(
    'while checkpoints go to store $store ends the run with 74, resumable when there is room',
    async ({ store }) => {
      const place = join(disk, store);
      const file = writeSmallJob(folder, `file://${join(folder, 'data')}`, (spec) => {
        smallSpec(spec);
        spec.student.checkpoint = { everySteps: 8, keep: 2, store };
      });
      const run = new DistillProcess(['run', file, '--json', '--dir', place]);
      await run.until('it trains', () => (run.progress?.step ?? 0) > 0);
      fillUp();
      const { message, ...ending } = await endingOf(run, place);
      expect(ending).toEqual({ exitCode: distillExit.storage, ...nothingLeft });
      // Any of three may notice first: the watch, a write of the command, or the student's checkpoint.
      expect(message).toMatch(/(no space is left|found 0\.\d MiB free) on its disk.*\. Free some space/);
      expect(hasModel(place)).toBe(false);

      const tooEarly = await endingOf(new DistillProcess(['run', '--resume', place, '--json']), place);
      expect(tooEarly).toMatchObject({ exitCode: distillExit.storage, ...nothingLeft });
      expect(tooEarly.message).toMatch(/Free some space, then use --resume .+ to continue the run\.$/);

      resize(2 * 1024 * 1024);
      await resumesAlike(place);
    },
  );

  it('too small from the start is refused before anything is started', async () => {
    const place = join(small, 'run');
    expect(await endingOfRun(job, place)).toEqual({
      exitCode: distillExit.storage,
      message:
        `run folder ${place}: found 1.0 MiB free on its disk, expected at least 2 MiB. Free some space, then use ` +
        `--resume ${place} to continue the run.`,
      ...nothingLeft,
    });
  });

  it('too small for the streams is refused with the bytes that they need', async () => {
    execFileSync('mount', ['-o', 'remount,size=16m', small]);
    const { message, ...ending } = await endingOfRun(job, join(small, 'streams'));
    expect(ending).toEqual({ exitCode: distillExit.storage, ...nothingLeft });
    expect(message).toMatch(
      /^create stream DISTILL_.+: the JetStream store of the NATS server is full \(.+\)\. It takes at most max_file_store, by default 75 % of the free disk\. Delete finished jobs, lower spec\.logits\.maxBytes, or free space on the server's disk or raise max_file_store\.$/,
    );
  });
});
