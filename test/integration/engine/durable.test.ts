/**
 * The files of a run survive a power failure: every file that is renamed into place is synced before, and its folder
 * afterwards. The kernel traces the calls of whole runs.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { canTrace, strace } from '../../kit/strace.js';
import { distillProgram } from '../../kit/programs.js';

const canSee = await canTrace();
const home = mkdtempSync(join(tmpdir(), 'distill-durable-'));
let data = '';

beforeAll(() => {
  data = smallMnist(join(home, 'data'), { train: 256, test: 64 });
});
afterAll(() => {
  rmSync(home, { recursive: true, force: true });
});

interface Renamed {
  /** Path below the run's folder, without the numbers of attempts and temporary folders. */
  readonly name: string;
  readonly fileSynced: boolean;
  readonly folderSynced: boolean;
}

/** Renames into the run's folder, except those of the NATS server. */
function renamesIn(trace: string, run: string): Renamed[] {
  const lines = readFileSync(trace, 'utf8').split('\n');
  const synced = (path: string, from: number, to: number): boolean =>
    lines.slice(from, to).some((line) => /\bf(data)?sync\(/.test(line) && line.includes(`<${path}>`));
  return lines.flatMap((line, at) => {
    const [, source = '', target = ''] = /\brename\("([^"]+)", "([^"]+)"/.exec(line) ?? [];
    const name = relative(run, target);
    if (target === '' || name.startsWith('..') || name.startsWith('nats/store')) return [];
    const folderSynced = synced(dirname(target), at, lines.length);
    // A fetched file was synced under its earlier name in the staging folder.
    const writtenAs = lines.findLast((each) => each.includes(`, "${source}"`) && /\brename\(/.test(each));
    const partial = /\brename\("([^"]+)"/.exec(writtenAs ?? '')?.[1] ?? source;
    return [{ name, fileSynced: synced(partial, 0, at), folderSynced }];
  });
}

async function tracedRun(store: 'nats' | 'file'): Promise<Renamed[]> {
  const run = join(home, store);
  const trace = join(home, `${store}.trace`);
  const job = writeSmallJob(home, data, (spec) => {
    Object.assign(spec.training, { epochs: 1 });
    spec.student.checkpoint = { everySteps: 2, keep: 2, store };
    spec.student.output = { store };
  });
  const calls = ['-f', '-y', '--seccomp-bpf', '-qq', '-e', 'trace=fsync,fdatasync,rename', '-e', 'signal=none'];
  const args = ['-o', trace, process.execPath, distillProgram, 'run', job, '--json', '--dir', run];
  const child = spawn(strace, [...calls, ...args], { stdio: ['ignore', 'ignore', 'inherit'] });
  expect(await once(child, 'close')).toEqual([0, null]);
  return renamesIn(trace, run);
}

describe.each<['nats' | 'file', readonly string[]]>([
  ['nats', ['.distillery', 'job.json', 'status.json', 'job/manifest.json', 'job/student.password']],
  ['file', ['.distillery', 'job.json', 'status.json', 'checkpoints/step-0000000004-attempt-1.ckpt']],
])('a run that stores in %s', (store, others) => {
  (canSee ? test : test.skip)(
    'syncs each file before it takes its place, and the folder after',
    async () => {
      const renamed = await tracedRun(store);
      const names = renamed.map(({ name }) => name);
      const results = ['model.json', 'weights.bin', 'model.onnx', 'metrics.json', 'SHA256SUMS'].map(
        (name) => `model/${name}`,
      );
      expect(names).toEqual(expect.arrayContaining([...results, ...others]));
      expect(names.indexOf('.distillery')).toBe(0);
      expect(renamed.filter(({ fileSynced, folderSynced }) => !fileSynced || !folderSynced)).toEqual([]);
      expect(names.map((name) => basename(name)).filter((name) => name.endsWith('.partial'))).toEqual([]);
    },
    300_000,
  );
});
