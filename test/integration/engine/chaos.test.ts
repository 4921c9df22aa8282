/**
 * I1 as a user would try it: real processes, killed with SIGKILL at random moments, and exactly the weights of an
 *     undisturbed run.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { studentLog } from '../bad-input/ending.js';
import { killVictims, type Victim } from './killing.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-chaos-'));
let job = '';
let undisturbed = '';

beforeAll(async () => {
  job = writeSmallJob(folder, smallMnist(join(folder, 'data'), { train: 4_096, test: 512 }));
  const run = new DistillProcess(['run', job, '--json', '--dir', join(folder, 'undisturbed')]);
  expect(await run.ended()).toBe(0);
  expect(await run.survivors()).toEqual([]);
  undisturbed = run.result?.digest ?? '';
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const seeds: readonly { readonly seed: number; readonly victims: readonly Victim[] }[] = [
  { seed: 1, victims: ['student'] },
  { seed: 2, victims: ['teacher'] },
  { seed: 3, victims: ['student', 'teacher'] },
  { seed: 4, victims: ['student', 'teacher', 'nats'] },
  { seed: 5, victims: ['teacher', 'student', 'teacher'] },
  { seed: 6, victims: ['nats', 'student'] },
];

describe('a run whose processes are killed', () => {
  it.each(seeds)(
    'ends with the weights of an undisturbed run (seed $seed: $victims)',
    async ({ seed, victims }) => {
      const run = new DistillProcess(['run', job, '--json', '--dir', join(folder, `seed-${String(seed)}`)]);
      const killed = await killVictims(run, { seed, victims });
      expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(killed.length).toBeGreaterThan(0);
      expect(run.result?.outcome).toBe('complete');
      expect(run.result?.digest).toBe(undisturbed);
      expect(await run.survivors()).toEqual([]);
    },
    300_000,
  );
});

describe('a run whose server stands still while checkpoints of many pieces are written, and that loses its student', () => {
  /** 407,050 parameters: checkpoints of 4.9 MB, in 19 pieces. */
  function wideJob(): string {
    const layers = [
      { class_name: 'Flatten', config: { name: 'flatten', batch_input_shape: [null, 28, 28, 1] } },
      { class_name: 'Dense', config: { name: 'hidden', units: 512, activation: 'relu' } },
      { class_name: 'Dense', config: { name: 'logits', units: 10, activation: 'linear' } },
    ];
    const model = join(folder, 'wide.json');
    writeFileSync(model, JSON.stringify({ class_name: 'Sequential', config: { name: 'wide', layers } }));
    return writeSmallJob(folder, `file://${join(folder, 'data')}`, (spec) => {
      Object.assign(spec.training, { epochs: 1 });
      spec.student.model = { uri: `file://${model}` };
      // A checkpoint every two steps, so that one is nearly always being written.
      spec.student.checkpoint = { everySteps: 2, keep: 1, store: 'nats' };
      spec.backoffLimit = 0;
    });
  }

  it('continues from the newest checkpoint and ends with the weights of an undisturbed run', async () => {
    const wide = wideJob();
    const calm = new DistillProcess(['run', wide, '--json', '--dir', join(folder, 'wide-calm')]);
    expect({ exitCode: await calm.ended(), stderr: calm.stderr }).toEqual({ exitCode: 0, stderr: '' });

    const place = join(folder, 'wide-stopped');
    const run = new DistillProcess(['run', wide, '--json', '--dir', place]);
    const written = (): number => studentLog(place).split('checkpoint written').length;
    for (const step of [8, 30]) {
      await run.until(`step ${String(step)} is trained`, () => (run.progress?.step ?? 0) >= step);
      const before = written();
      process.kill(run.progress!.pids.nats!, 'SIGSTOP');
      await sleep(2_400);
      process.kill(run.progress!.pids.nats!, 'SIGCONT');
      // The run reports the checkpoint in flight as stored. That must be true: it is the only one that is kept.
      await run.until('the next checkpoint', () => written() > before);
      process.kill(run.progress!.pids.student!, 'SIGKILL');
    }
    expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
    const starts = run.events.filter(({ reason }) => reason === 'StudentStarted').map(({ message }) => message);
    expect(starts).toHaveLength(3);
    for (const message of starts.slice(1)) expect(message).toMatch(/started at step [1-9]/);
    expect(run.result?.digest).toBe(calm.result?.digest);
    expect(await run.survivors()).toEqual([]);
  });
});
