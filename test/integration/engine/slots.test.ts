/** `distill slots` changes the number of teachers of a running run. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, it } from '@jest/globals';

import { DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-slots-'));

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function setSlots(slots: number, dir: string): Promise<string> {
  const command = new DistillProcess(['slots', String(slots), '--dir', dir]);
  expect({ exitCode: await command.ended(), stderr: command.stderr }).toEqual({ exitCode: 0, stderr: '' });
  return command.plain.join('\n');
}

it('the fleet follows the slots that are set, and the student is the same', async () => {
  const data = smallMnist(join(folder, 'data'), { train: 2_048, test: 256 });
  const job = writeSmallJob(folder, data, (spec) => {
    spec.training.epochs = 12;
    Object.assign(spec.teacher, { pools: [{ name: 'cpu', minReplicas: 2, maxReplicas: 2 }] });
  });
  const undisturbed = new DistillProcess(['run', job, '--json', '--dir', join(folder, 'undisturbed')]);
  expect(await undisturbed.ended()).toBe(0);

  const dir = join(folder, 'resized');
  const run = new DistillProcess(['run', job, '--json', '--dir', dir, '--slots', '2']);
  const teachers = (): number => run.progress?.pids.teachers.length ?? 0;
  await run.until('two teachers', () => teachers() === 2);
  expect(await setSlots(1, dir)).toContain('1 slots');
  await run.until('one teacher', () => teachers() === 1);
  await setSlots(2, dir);
  await run.until('two teachers again', () => teachers() === 2);
  expect(await run.ended()).toBe(0);
  expect(run.result?.digest).toBe(undisturbed.result?.digest);
  expect(run.events.map(({ message }) => message)).toEqual(
    expect.arrayContaining([expect.stringContaining('Pool cpu: 2 → 1 teacher')]),
  );
  expect(await run.survivors()).toEqual([]);
});

it('refuses the folder of a run that is not running', async () => {
  const command = new DistillProcess(['slots', '3', '--dir', folder]);
  expect(await command.ended()).toBe(65);
  expect(command.stderr).toContain('no run is running there');
});
