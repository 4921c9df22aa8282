/**
 * Data as people have it, each kind once through the whole engine: pictures in folders, with and without labels. A student
 * that is killed on the way ends with the same weights.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';

import { randomFrom } from '@distillery/base';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import { distillExit, DistillProcess, type SmallSpec, writeSmallJob } from '../../kit/distill.js';
import { smallMnist } from '../../kit/mnist.js';
import { mnistPictures } from '../../kit/pictures.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-data-'));
let labeled = '';
let plain = '';

beforeAll(async () => {
  labeled = await mnistPictures(join(folder, 'labeled'), { count: 256, format: 'png', labeled: true });
  plain = await mnistPictures(join(folder, 'plain'), { count: 192, format: 'jpeg', labeled: false });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** An array of bytes as numpy writes it. */
function npyOf(shape: readonly number[], bytes: Uint8Array): Buffer {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join()},), }`;
  const head = Buffer.from('934e554d50590100' + '7600', 'hex');
  return Buffer.concat([head, Buffer.from(`${text.padEnd(117)}\n`), bytes]);
}

let runs = 0;

function start(
  dataset: Record<string, unknown>,
  change: (spec: SmallSpec) => void = () => undefined,
  options: readonly string[] = [],
): DistillProcess {
  const dir = join(folder, `run-${String(runs++)}`);
  const job = writeSmallJob(folder, '', (spec) => {
    spec.dataset = { format: 'imageFolder', ...dataset };
    spec.training.epochs = 3;
    (spec.student.checkpoint as Record<string, unknown>).everySteps = 2;
    change(spec);
  });
  return new DistillProcess(['run', job, '--json', '--dir', dir, ...options]);
}

async function completed(run: DistillProcess): Promise<DistillProcess['result']> {
  expect({ exitCode: await run.ended(), stderr: run.stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(await run.survivors()).toEqual([]);
  return run.result;
}

describe('a folder of pictures', () => {
  it('is distilled with its labels; a killed student ends with the same weights', async () => {
    const dataset = { uri: labeled, split: { testFraction: 0.2 } };
    const whole = await completed(start(dataset));
    expect(whole?.studentAccuracy).toBeGreaterThan(0);
    const killed = start(dataset);
    await killed.until(
      'the student has trained some steps',
      () => (killed.progress?.step ?? 0) >= 4 && typeof killed.progress?.pids.student === 'number',
    );
    process.kill(killed.progress?.pids.student ?? 0, 'SIGKILL');
    expect((await completed(killed))?.digest).toBe(whole?.digest);
  });

  it('is distilled without labels, by the teacher alone, whose width the preset takes', async () => {
    const change = (spec: SmallSpec): void => {
      spec.student.model = { uri: 'preset://cnn-tiny?filters=4&dense=8' };
      spec.training.shuffle = 'Blocks';
      spec.training.augment = { flip: true };
    };
    const run = start({ uri: plain }, change);
    const result = await completed(run);
    expect(result).toMatchObject({ outcome: 'complete' });
    expect(result?.studentAccuracy).toBeNull();
    expect(result?.metrics?.agreement).toBeGreaterThanOrEqual(0);
    const notes = run.events.filter(({ reason }) => reason === 'Noted').map(({ message }) => message);
    expect(notes.filter((note) => note.startsWith('Student: the data set has no labels'))).toHaveLength(1);
    expect(notes.filter((note) => note.includes('the student has 10, as many as the teacher answers'))).toHaveLength(1);
    const killed = start({ uri: plain }, change);
    await killed.until(
      'the student has trained some steps',
      () => (killed.progress?.step ?? 0) >= 4 && typeof killed.progress?.pids.student === 'number',
    );
    process.kill(killed.progress?.pids.student ?? 0, 'SIGKILL');
    expect((await completed(killed))?.digest).toBe(result?.digest);
  });

  it('without labels is refused a baseline before anything starts', async () => {
    const run = start({ uri: plain }, () => undefined, ['--baseline']);
    expect(await run.ended()).toBe(distillExit.badInput);
    expect(run.stderr).toContain(
      `--baseline: the data set ${plain} has no labels, and a baseline learns from labels alone.`,
    );
    expect(run.lines).toEqual([]);
    // Nothing of the run is left.
    expect(existsSync(join(folder, `run-${String(runs - 1)}`))).toBe(false);
  });

  it('without labels is measured on held-out samples, by the teacher; a killed student ends with the same figures', async () => {
    const dataset = { uri: plain, split: { testFraction: 0.2 } };
    const run = start(dataset);
    const whole = await completed(run);
    const { metrics = {} } = whole ?? {};
    for (const name of ['heldOutAgreement', 'heldOutTopKOverlap', 'heldOutKlDivergence']) {
      expect(metrics[name]).toBeGreaterThanOrEqual(0);
    }
    const killed = start(dataset);
    await killed.until(
      'the student has trained some steps',
      () => (killed.progress?.step ?? 0) >= 4 && typeof killed.progress?.pids.student === 'number',
    );
    process.kill(killed.progress?.pids.student ?? 0, 'SIGKILL');
    expect(await completed(killed)).toMatchObject({ digest: whole?.digest, metrics });
  });

  it('with a bad picture ends the job, which names it', async () => {
    const bad = await mnistPictures(join(folder, 'bad'), { count: 96, format: 'png', labeled: true });
    writeFileSync(join(folder, 'bad', '0', 'zzz.png'), 'no picture');
    const run = start({ uri: bad });
    expect(await run.ended()).not.toBe(0);
    expect(run.result?.message ?? run.stderr).toContain('0/zzz.png: column image: it begins with 6e6f2070');
    const replaced = await completed(start({ uri: bad, onBadSample: 'Replace' }));
    expect(replaced).toMatchObject({ outcome: 'complete', replacedRows: 1 });
  });
});

describe('a data set that changes while a job runs', () => {
  it('ends the job when a new student finds that it is not the one of the teachers', async () => {
    const source = join(folder, 'source');
    const data = join(folder, 'arrays');
    smallMnist(source, { train: 1_024, test: 16 });
    mkdirSync(data);
    const images = readFileSync(join(source, 'train-images-idx3-ubyte')).subarray(16);
    writeFileSync(join(data, 'x.npy'), npyOf([1_024, 28, 28], images));
    writeFileSync(
      join(data, 'y.npy'),
      npyOf([1_024], readFileSync(join(source, 'train-labels-idx1-ubyte')).subarray(8)),
    );
    const run = start({ uri: `file://${data}`, format: 'npy' }, (spec) => {
      spec.training.epochs = 200;
    });
    await run.until(
      'the student has trained some steps',
      () => (run.progress?.step ?? 0) >= 4 && typeof run.progress?.pids.student === 'number',
    );
    // Teachers keep the file that they opened.
    writeFileSync(
      join(folder, 'changed.npy'),
      npyOf(
        [1_024, 28, 28],
        images.map((byte) => 255 - byte),
      ),
    );
    renameSync(join(folder, 'changed.npy'), join(data, 'x.npy'));
    process.kill(run.progress?.pids.student ?? 0, 'SIGKILL');
    expect(await run.ended()).toBe(distillExit.badInput);
    expect(run.result?.message).toMatch(
      /the student's data set: found [0-9a-f]{32}, expected [0-9a-f]{32} as the job's teachers have\. Give student and teachers the same files/,
    );
    expect(await run.survivors()).toEqual([]);
  });
});

/** Gray images of random pixels, each with ten numbers to predict. */
function rowsOfNumbers(file: string, rows: number): string {
  const random = randomFrom(11);
  const values = (length: number): number[] => Array.from({ length }, () => Math.round(random.unit() * 100) / 100);
  const lines = Array.from({ length: rows }, () => JSON.stringify({ x: values(784), numbers: values(10) }));
  writeFileSync(file, lines.join('\n'));
  return `file://${file}`;
}

describe('numbers to predict', () => {
  it('are measured by the same name for teacher, student and baseline', async () => {
    const dataset = {
      format: 'jsonl',
      uri: rowsOfNumbers(join(folder, 'numbers.jsonl'), 160),
      split: { testFraction: 0.3 },
      fields: [
        { name: 'x', type: 'tensor', shape: [1, 28, 28] },
        { name: 'numbers', type: 'target' },
      ],
    };
    const change = (spec: SmallSpec): void => {
      spec.training.augment = {};
      spec.student.model = { uri: 'preset://mlp?hidden=8' };
    };
    const run = start(dataset, change, ['--baseline']);
    const result = await completed(run);
    const error = { meanAbsoluteError: expect.any(Number) };
    expect(result).toMatchObject({ teacherMetrics: error, baselineMetrics: error, metrics: error });
  });
});
