import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import type { OptimizerSettings } from '../../../workers/models/optimizer.js';
import {
  openDeviceTrainer,
  type Program,
  type Recording,
  type StudentTrainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingBatch,
} from '../../../workers/models/training.js';
import { instructionSetIn, openRuntime, type Runtime, runtimeTable } from '../../../workers/runtimes/index.js';
import { nativeDevice } from '../../../workers/runtimes/native/device.js';
import { startNative } from '../../../workers/runtimes/native/start.js';
import { builtNative } from '../../kit/native.js';
import { nativeTensors } from '../../kit/native-tensors.js';
import { batchAt, columns, eventfulStudent, optimizerSettings, studentOf } from '../models-training/students.js';

const folder = builtNative();
const steps = 12;

const optimizers: { title: string; optimizer: OptimizerSettings }[] = [
  { title: 'sgd', optimizer: optimizerSettings({ name: 'sgd', momentum: 0, weightDecay: 0.01 }) },
  { title: 'sgd with momentum', optimizer: optimizerSettings({ name: 'sgd' }) },
  { title: 'adam', optimizer: optimizerSettings({ name: 'adam', weightDecay: 0.01 }) },
  {
    title: 'adamw with warm-up and cosine',
    optimizer: optimizerSettings({
      name: 'adamw',
      weightDecay: 0.1,
      schedule: { name: 'Cosine', warmupSteps: 5, finalFraction: 0 },
    }),
  },
  { title: 'adam with averages and clipping', optimizer: optimizerSettings({ name: 'adam', ema: 0.9, clipNorm: 0.5 }) },
];

/** A penalty, a constraint, shared layers and a look-up-free recurrence. */
function otherStudent(): string {
  return studentOf(() => [
    tfl.layers.depthwiseConv2d({ kernelSize: 3, padding: 'same', activation: 'relu' }),
    tfl.layers.averagePooling2d({ poolSize: 2 }),
    tfl.layers.flatten(),
    tfl.layers.dense({
      units: 8,
      activation: 'tanh',
      kernelRegularizer: tfl.regularizers.l2({ l2: 0.01 }),
      kernelConstraint: tfl.constraints.maxNorm({ maxValue: 1 }),
    }),
    tfl.layers.layerNormalization(),
  ]);
}

/** Every bit of a state, as text that a diff can show. */
function bits({ weights, slots }: TrainerState): string[] {
  return [...weights, ...slots].map(
    ({ name, shape, data }) =>
      `${name} [${shape.join()}] ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`,
  );
}

function largestDifference(left: TrainerState, right: TrainerState): number {
  const pairs = left.weights.map(({ data }, at) => [data, right.weights[at]?.data ?? new Float32Array()] as const);
  return Math.max(...pairs.flatMap(([a, b]) => [...a].map((value, at) => Math.abs(value - (b[at] ?? NaN)))));
}

(folder === null ? describe.skip : describe)('the runtime native', () => {
  let native: Runtime;
  beforeAll(async () => {
    native = await opened('native');
  });
  const opened = (choice: 'native' | 'wasm'): Promise<Runtime> =>
    openRuntime(choice, 'training', runtimeTable({ folder, threads: 1, instructionSet: null }));
  const options = (): TrainerOptions => ({
    modelJson: eventfulStudent(),
    seed: 7,
    loss: { temperature: 4, softWeight: 0.9 },
    optimizer: optimizerSettings(),
    totalSteps: 20,
  });
  const trainer = (runtime: Runtime, given: Partial<TrainerOptions> = {}): Promise<StudentTrainer> =>
    runtime.openTrainer({ ...options(), ...given });
  const run = (student: StudentTrainer, from: number, to: number, batch = batchAt): number[] =>
    Array.from({ length: to - from }, (_, index) => student.train(batch(from + index)).loss);
  /** The last batch of an epoch is smaller. */
  const uneven = (step: number): TrainingBatch & ReturnType<typeof batchAt> => batchAt(step, step % 4 === 3 ? 3 : 6);

  it('names itself with all that decides its bits', () => {
    expect(native.name).toBe('native');
    expect(native.description).toMatch(/^native \(TensorFlow 2\.\d+\.\d+, AVX\w*, 1 thread\)$/);
    // As a student reads it that continues.
    expect(instructionSetIn(native.description)).toMatch(/^AVX/);
    expect(instructionSetIn('wasm (simd)')).toBeNull();
  });

  it.each(optimizers)('trains as wasm does, within float32: $title', async ({ optimizer }) => {
    native = await opened('native');
    const device = await trainer(native, { optimizer });
    expect(device.notes).toEqual([]);
    const losses = run(device, 0, steps, uneven);
    const state = device.state();
    const evaluation = device.evaluate(batchAt(0).samples, batchAt(0).targets);
    device.dispose();
    const host = await trainer(await opened('wasm'), { optimizer });
    const wanted = run(host, 0, steps, uneven);
    losses.forEach((loss, step) => expect(loss).toBeCloseTo(wanted[step] ?? NaN, 4));
    expect(largestDifference(state, host.state())).toBeLessThan(2e-3);
    expect(state.slots.map(({ name }) => name)).toEqual(host.state().slots.map(({ name }) => name));
    expect(evaluation.lossSum).toBeCloseTo(host.evaluate(batchAt(0).samples, batchAt(0).targets).lossSum, 2);
    host.dispose();
  });

  it.each(['KL', 'MSE', 'Cosine', 'BinaryCrossEntropy'] as const)(
    'has the gradients of wasm: loss %s',
    async (kind) => {
      const loss = { kind, temperature: 3, softWeight: 0.7, labelSmoothing: 0.1 };
      const device = await trainer(await opened('native'), { loss, modelJson: otherStudent() });
      expect(device.notes).toEqual([]);
      const batches = [batchAt(0), { ...batchAt(1), teacherLogits: null }, { ...batchAt(2), targets: null }];
      const found = batches.map((batch) => device.gradients(batch));
      device.dispose();
      const host = await trainer(await opened('wasm'), { loss, modelJson: otherStudent() });
      batches.forEach((batch, at) => {
        const wanted = host.gradients(batch);
        expect(found[at]?.loss).toBeCloseTo(wanted.loss, 5);
        wanted.values.forEach((gradient, weight) =>
          gradient.forEach((value, index) => expect(found[at]?.values[weight]?.[index]).toBeCloseTo(value, 5)),
        );
      });
      host.dispose();
    },
  );

  it('continues bit for bit from its state, with masks, averages and an uneven last batch', async () => {
    native = await opened('native');
    const optimizer = optimizerSettings({ name: 'adamw', weightDecay: 0.1, ema: 0.9, clipNorm: 1 });
    const straight = await trainer(native, { optimizer });
    const losses = run(straight, 0, 20, uneven);
    const first = await trainer(native, { optimizer });
    const before = run(first, 0, 10, uneven);
    const saved = structuredClone(first.state());
    first.dispose();
    const second = await trainer(native, { optimizer });
    second.restore(saved);
    expect(bits(second.state())).toEqual(bits(saved));
    expect([...before, ...run(second, 10, 20, uneven)]).toEqual(losses);
    expect(bits(second.state())).toEqual(bits(straight.state()));
    straight.dispose();
    second.dispose();
  });

  it('exports the weights that it kept, also after a resume, with averages or without', async () => {
    native = await opened('native');
    for (const more of [{}, { ema: 0.9 }]) {
      const options = { optimizer: optimizerSettings(more), keepsWeights: true };
      const student = await trainer(native, options);
      run(student, 0, 5);
      const best = student.export().weights;
      student.keepWeights();
      run(student, 5, 8);
      const next = await trainer(native, options);
      next.restore(structuredClone(student.state()));
      student.dispose();
      expect(next.export().weights).not.toEqual(best);
      next.useKeptWeights();
      expect(next.export().weights).toEqual(best);
      next.dispose();
    }
  });

  it('trains bit for bit the same in two calls', async () => {
    native = await opened('native');
    const [atOnce, inTwoCalls] = [await trainer(native), await trainer(native)];
    for (let step = 0; step < 5; step++) {
      atOnce.train(batchAt(step));
      inTwoCalls.apply(inTwoCalls.gradients(batchAt(step)));
    }
    expect(bits(inTwoCalls.state())).toEqual(bits(atOnce.state()));
    atOnce.dispose();
    inTwoCalls.dispose();
  });

  it('refuses what is not finite and changes nothing', async () => {
    const student = await trainer(await opened('native'));
    student.train(batchAt(0));
    const before = bits(student.state());
    const teacherLogits = new Float32Array(6 * columns).fill(Infinity);
    expect(() => student.train({ ...batchAt(1), teacherLogits })).toThrow(/teacher logits/);
    const { samples } = batchAt(1);
    Object.values(samples.inputs).forEach(({ data }) => (data as Float32Array).fill(3e38));
    expect(() => student.train({ ...batchAt(1), samples })).toThrow(/not finite|loss|gradient/);
    expect(bits(student.state())).toEqual(before);
    student.dispose();
  });

  it('leaves no tensor behind: in steps, evaluations, states and failures', async () => {
    native = await opened('native');
    const before = [nativeTensors(), tf.memory().numTensors];
    const student = await trainer(native, { optimizer: optimizerSettings({ ema: 0.9, clipNorm: 1 }) });
    const all = (from: number): void => {
      run(student, from, from + 8, uneven);
      student.evaluate(batchAt(0, 300).samples, batchAt(0, 300).targets);
      student.restore(student.state());
      student.apply(student.gradients(batchAt(from)));
      const { samples, ...batch } = batchAt(from);
      Object.values(samples.inputs).forEach(({ data }) => (data as Float32Array).fill(3e38));
      expect(() => student.train({ ...batch, samples })).toThrow();
      student.export();
    };
    all(0);
    const warm = [nativeTensors(), tf.memory().numTensors];
    for (let round = 1; round < 5; round++) all(round * 8);
    expect([nativeTensors(), tf.memory().numTensors]).toEqual(warm);
    student.dispose();
    expect([nativeTensors(), tf.memory().numTensors]).toEqual(before);
  });

  it('trains the same where the large batch cannot follow the lifetimes of a small one', async () => {
    const device = nativeDevice(await startNative({ folder, threads: 1, instructionSet: null }));
    const refused: boolean[] = [];
    const record = (recording: Recording): Program => {
      refused.push(recording.like !== undefined);
      if (recording.like !== undefined) throw new Error('a tensor that was freed');
      return device.record(recording);
    };
    const stubborn = await openDeviceTrainer(options(), { ...device, record });
    const plain = await openDeviceTrainer(options(), device);
    expect([run(stubborn, 0, 4, uneven), stubborn.state()]).toEqual([run(plain, 0, 4, uneven), plain.state()]);
    // Once for each of the two sizes.
    expect(refused.filter(Boolean)).toHaveLength(2);
    stubborn.dispose();
    plain.dispose();
  });

  it('answers the same for one sample and for many', async () => {
    const student = await trainer(await opened('native'));
    student.train(batchAt(0));
    const many = student.logits(batchAt(1, 300).samples);
    const { inputs } = batchAt(1, 300).samples;
    expect(many).toHaveLength(300 * columns);
    const one = student.logits({
      count: 1,
      inputs: Object.fromEntries(
        Object.entries(inputs).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.slice(0, 64) }]),
      ) as typeof inputs,
    });
    expect([...one]).toEqual([...many.subarray(0, columns)]);
    student.dispose();
  });
});
