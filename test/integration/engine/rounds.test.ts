/**
 * Rounds of training through the whole engine: a job that stops early and exports its best weights, and a job that starts
 * from them with frozen layers; both with students that are killed on the way.
 */
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { ResultReport } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { DistillJobStatus } from '../../../src/api/index.js';
import { readStartingWeights } from '../../../workers/models/training.js';
import { DistillProcess, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-rounds-'));
let data = '';

beforeAll(() => {
  data = smallMnist(join(folder, 'data'), { train: 1_024, test: 256 });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Runs to the end; the student is killed once it has trained so many steps. */
async function complete(name: string, change: (spec: SmallSpec) => void, killAt?: number): Promise<DistillProcess> {
  const run = new DistillProcess(['run', jobOf(change), '--json', '--dir', join(folder, name)]);
  if (killAt !== undefined) {
    await run.until('the student can be killed', () => (run.progress?.step ?? 0) >= killAt);
    process.kill(run.progress!.pids.student!, 'SIGKILL');
  }
  expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await run.survivors()).toEqual([]);
  return run;
}

function jobOf(change: (spec: SmallSpec) => void): string {
  return writeSmallJob(folder, data, (spec) => {
    spec.student.checkpoint = { everySteps: 4, keep: 2, store: 'nats' };
    change(spec);
  });
}

const reportOf = (name: string): ResultReport =>
  JSON.parse(readFileSync(join(folder, name, 'model', 'metrics.json'), 'utf8')) as ResultReport;
const statusOf = (name: string): DistillJobStatus =>
  JSON.parse(readFileSync(join(folder, name, 'status.json'), 'utf8')) as DistillJobStatus;

/** 16 steps an epoch; after the first one no evaluation is better by half of all samples. */
const stopsEarly = (spec: SmallSpec): void => {
  Object.assign(spec.training, {
    epochs: 20,
    earlyStop: { metric: 'accuracy', patience: 2, minDelta: 0.5, restoreBestWeights: true },
  });
};

describe('a job that stops early', () => {
  it('says so, exports the weights of its best evaluation, and does the same after a kill', async () => {
    const calm = await complete('early', stopsEarly);
    const report = reportOf('early');
    expect(report).toMatchObject({
      steps: 48,
      stoppedEarly: { metric: 'accuracy', plannedSteps: 320, bestStep: 16 },
      accuracy: report.evaluations[0]?.accuracy,
    });
    expect(calm.result).toMatchObject({ digest: report.digest, studentAccuracy: report.accuracy });
    const { phase, progress, conditions } = statusOf('early');
    expect({ phase, progress }).toMatchObject({ phase: 'Succeeded', progress: { step: 48, steps: 48, percent: 100 } });
    expect(conditions?.find(({ type }) => type === 'Complete')).toMatchObject({
      reason: 'StoppedEarly',
      message: `Training ended early, after 48 of 320 steps: accuracy has not improved since step 16; weights ${report.digest}.`,
    });
    // The best weights are those of the same job after one epoch.
    await complete('one-epoch', (spec) => (spec.training.epochs = 1));
    expect(reportOf('one-epoch').digest).toBe(report.digest);

    await complete('early-killed', stopsEarly, 20);
    expect(reportOf('early-killed')).toMatchObject({ digest: report.digest, stoppedEarly: report.stoppedEarly });
  });
});

describe('a second round', () => {
  it('starts from the result of the first, keeps frozen layers, and ends with the same weights after a kill', async () => {
    await complete('first', (spec) => (spec.training.epochs = 1));
    const former = `file://${join(folder, 'first', 'model', 'model.json')}`;
    const second = (spec: SmallSpec): void => {
      spec.training.epochs = 2;
      spec.student.model = { uri: former, weights: { uri: former } };
      spec.student.freeze = ['conv*'];
    };
    await complete('second', second);
    const [first, report] = [reportOf('first'), reportOf('second')];
    expect(report.startedFrom).toBe(first.digest);
    const [before, after] = await Promise.all(
      ['first', 'second'].map(async (name) => {
        const weights = await readStartingWeights(join(folder, name, 'model', 'model.json'));
        return new Map(
          weights.map(({ name: weight, data: values }) => [weight, Buffer.from(values.buffer).toString('hex')]),
        );
      }),
    );
    const same = [...before!.keys()].filter((name) => before!.get(name) === after!.get(name));
    expect(same.sort()).toEqual([
      'conv1/bias',
      'conv1/kernel',
      'conv2/bias',
      'conv2/kernel',
      'conv3/bias',
      'conv3/kernel',
    ]);
    expect(report.evaluations[0]!.loss).toBeLessThan(first.evaluations.at(-1)!.loss!);

    await complete('second-killed', second, 6);
    expect(reportOf('second-killed').digest).toBe(report.digest);
  });

  it('ends with a sentence when the weights change between two attempts', async () => {
    await complete('donor', (spec) => (spec.training.epochs = 1));
    const copy = join(folder, 'copy');
    cpSync(join(folder, 'donor', 'model'), copy, { recursive: true });
    const former = `file://${join(copy, 'model.json')}`;
    const run = new DistillProcess([
      'run',
      jobOf((spec) => {
        spec.training.epochs = 40;
        spec.student.model = { uri: former, weights: { uri: former } };
      }),
      '--json',
      '--dir',
      join(folder, 'changed'),
    ]);
    await run.until('a checkpoint is there', () => (run.progress?.step ?? 0) >= 16);
    const weights = readFileSync(join(copy, 'weights.bin'));
    weights.writeFloatLE(0.125, 0);
    writeFileSync(join(copy, 'weights.bin'), weights);
    process.kill(run.progress!.pids.student!, 'SIGKILL');
    expect(await run.ended()).not.toBe(0);
    expect(run.result?.message).toContain('the weights are not those that this job started from');
  });
});
