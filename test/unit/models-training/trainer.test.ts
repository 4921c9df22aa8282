import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { imageSamples, samplesBetween } from '../../../workers/samples/index.js';
import type { OptimizerSettings } from '../../../workers/models/optimizer.js';
import {
  BatchError,
  exportedWeights,
  NumericError,
  StateError,
  StudentModelError,
} from '../../../workers/models/training.js';
import type { Evaluation, StudentTrainer, TrainerOptions, TrainerState } from '../../../workers/models/training.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import type { Runtime } from '../../../workers/runtimes/index.js';
import { pixelsOf, targetsOf } from '../../kit/samples.js';
import { batchAt, columns, eventfulStudent, optimizerSettings, shape, studentOf } from './students.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime('wasm', 'training');
});

function trainer(given: Partial<TrainerOptions> = {}): Promise<StudentTrainer> {
  return runtime.openTrainer({
    modelJson: eventfulStudent(),
    seed: 7,
    loss: { temperature: 4, softWeight: 0.9 },
    optimizer: optimizerSettings(),
    totalSteps: 20,
    ...given,
  });
}

function run(student: StudentTrainer, from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => student.train(batchAt(from + index)).loss);
}

/** Every bit of a state, as text that a diff can show. */
function bits({ weights, slots }: TrainerState): string[] {
  return [...weights, ...slots].map(
    ({ name, shape: of, data }) =>
      `${name} [${of.join()}] ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`,
  );
}

const optimizers: { title: string; optimizer: OptimizerSettings }[] = [
  { title: 'sgd', optimizer: optimizerSettings({ name: 'sgd', momentum: 0 }) },
  { title: 'sgd with momentum', optimizer: optimizerSettings({ name: 'sgd' }) },
  { title: 'adam', optimizer: optimizerSettings({ name: 'adam' }) },
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

describe('a trainer', () => {
  it.each(optimizers)('continues bit for bit from its state: $title', async ({ optimizer }) => {
    const straight = await trainer({ optimizer });
    const losses = run(straight, 0, 20);
    const first = await trainer({ optimizer });
    const before = run(first, 0, 10);
    const saved = structuredClone(first.state());
    first.dispose();
    const second = await trainer({ optimizer, seed: 7 });
    second.restore(saved);
    expect(bits(second.state())).toEqual(bits(saved));
    expect([...before, ...run(second, 10, 20)]).toEqual(losses);
    expect(bits(second.state())).toEqual(bits(straight.state()));
    straight.dispose();
    second.dispose();
  });

  it.each(optimizers)('trains bit for bit the same in two calls: $title', async ({ optimizer }) => {
    const atOnce = await trainer({ optimizer });
    const losses = run(atOnce, 0, 10);
    const inTwoCalls = await trainer({ optimizer });
    const apart = Array.from({ length: 10 }, (_, step) => {
      const gradients = inTwoCalls.gradients(batchAt(step));
      inTwoCalls.apply(gradients);
      return gradients.loss;
    });
    expect(apart).toEqual(losses);
    expect(bits(inTwoCalls.state())).toEqual(bits(atOnce.state()));
    [atOnce, inTwoCalls].forEach((student) => student.dispose());
  });

  it('computes gradients that another trainer of the same weights can apply', async () => {
    const isAverage = (line: string): boolean => line.includes('moving_');
    const [own, other] = [await trainer(), await trainer()];
    const before = bits(own.state()).filter((line) => !isAverage(line));
    const gradients = own.gradients(batchAt(0));
    expect(bits(own.state()).filter((line) => !isAverage(line))).toEqual(before);
    own.gradients(batchAt(1));
    other.apply(gradients);
    const straight = await trainer();
    straight.train(batchAt(0));
    const updated = bits(other.state()).filter((line) => !isAverage(line));
    expect(updated).toEqual(bits(straight.state()).filter((line) => !isAverage(line)));
    expect(updated).not.toEqual(before);
    [own, other, straight].forEach((student) => student.dispose());
  });

  it('applies no gradients that are not finite or of another model', async () => {
    const student = await trainer();
    const { step, values } = student.gradients(batchAt(0));
    const before = bits(student.state());
    const [first, ...rest] = values;
    const wrong = [
      { values: [first!.with(3, NaN), ...rest], want: new NumericError('gradient of conv/kernel', step) },
      { values: [first!.with(0, Infinity), ...rest], want: new NumericError('gradient of conv/kernel', step) },
      { values: rest, want: new BatchError('gradients', `${rest.length} numbers`, `${values.length} for this model`) },
      {
        values: [first!.subarray(1), ...rest],
        want: new BatchError(
          'gradient of conv/kernel',
          `${first!.length - 1} numbers`,
          `${first!.length} for this model`,
        ),
      },
    ];
    for (const { want, ...given } of wrong) expect(() => student.apply({ step, ...given })).toThrow(want);
    expect(bits(student.state())).toEqual(before);
    student.dispose();
  });

  it('gives a state that later steps do not change', async () => {
    const student = await trainer();
    const saved = student.state();
    const then = bits(saved);
    run(student, 0, 2);
    expect(bits(saved)).toEqual(then);
    student.dispose();
  });

  it('starts from weights that only the seed decides', async () => {
    const starts: Record<string, string>[] = [];
    for (const seed of [7, 7, 8]) {
      const student = await trainer({ seed });
      const { weights } = student.state();
      starts.push(
        Object.fromEntries(weights.map((weight) => [weight.name, bits({ weights: [weight], slots: [] })[0]!])),
      );
      student.dispose();
    }
    expect(starts[1]).toEqual(starts[0]);
    const kernels = Object.keys(starts[0]!).filter((name) => name.includes('kernel'));
    expect(kernels).toHaveLength(3);
    for (const kernel of kernels) expect(starts[2]![kernel]).not.toBe(starts[0]![kernel]);
  });

  it('learns: the loss falls over repeated batches', async () => {
    const student = await trainer({
      modelJson: studentOf(() => [tfl.layers.flatten(), tfl.layers.dense({ units: 16, activation: 'relu' })]),
    });
    const lossAt = (step: number): number => student.train({ ...batchAt(0), teacherLogits: null, step }).loss;
    const losses = Array.from({ length: 80 }, (_, step) => lossAt(step));
    expect(losses.at(-1)!).toBeLessThan(losses[0]! / 5);
    student.dispose();
  });

  it('moves the averages of normalizations and keeps them in its state', async () => {
    const student = await trainer();
    const average = (): number[] => [...student.state().weights.find(({ name }) => name.includes('moving_mean'))!.data];
    expect(average()).toEqual([0, 0, 0, 0]);
    run(student, 0, 1);
    expect(average()).not.toEqual([0, 0, 0, 0]);
    student.dispose();
  });

  it('draws other masks at every step and the same ones for the same step', async () => {
    const modelJson = studentOf(() => [tfl.layers.dropout({ rate: 0.5 })]);
    const student = await trainer({
      modelJson,
      optimizer: optimizerSettings({ name: 'sgd', learningRate: 1e-30, momentum: 0 }),
    });
    const lossAt = (step: number): number => student.train({ ...batchAt(0), step }).loss;
    expect(lossAt(1)).not.toBe(lossAt(2));
    expect(lossAt(1)).toBe(lossAt(1));
    student.dispose();
  });

  it('trains batches of any size and on labels alone', async () => {
    const student = await trainer();
    for (const rows of [1, 6, 3]) expect(Number.isFinite(student.train(batchAt(0, rows)).loss)).toBe(true);
    expect(Number.isFinite(student.train({ ...batchAt(1), teacherLogits: null }).loss)).toBe(true);
    student.dispose();
  });

  it('keeps memory flat over 200 steps and frees all of it', async () => {
    const empty = tf.memory();
    const student = await trainer();
    run(student, 0, 3);
    const { numTensors, numBytes, numDataBuffers } = tf.memory();
    for (let step = 3; step < 203; step++) student.train(batchAt(step));
    student.evaluate(batchAt(0).samples, batchAt(0).targets);
    student.restore(student.state());
    student.export();
    expect(tf.memory()).toMatchObject({ numTensors, numBytes, numDataBuffers });
    student.dispose();
    expect(tf.memory()).toMatchObject({ numTensors: empty.numTensors, numBytes: empty.numBytes });
  });

  it('adds the regularization of layers to the loss and trains it', async () => {
    const withPenalty = (rate: number): Promise<StudentTrainer> =>
      trainer({
        modelJson: studentOf(() => [
          tfl.layers.flatten(),
          tfl.layers.dense({ units: 3, kernelRegularizer: tfl.regularizers.l2({ l2: rate }) }),
        ]),
      });
    const [plain, heavy] = [await withPenalty(0), await withPenalty(5)];
    const squares = (student: StudentTrainer): number =>
      student.state().weights[0]!.data.reduce((sum, value) => sum + value * value, 0);
    const penalty = 5 * squares(heavy);
    expect(heavy.train(batchAt(0)).loss).toBeCloseTo(plain.train(batchAt(0)).loss + penalty, 3);
    for (let step = 1; step < 50; step++) [plain, heavy].forEach((student) => student.train(batchAt(step)));
    expect(squares(heavy)).toBeLessThan(squares(plain) / 4);
    [plain, heavy].forEach((student) => student.dispose());
  });

  it('keeps to the constraints of layers, after a restore too', async () => {
    const student = await trainer({
      modelJson: studentOf(() => [
        tfl.layers.flatten(),
        tfl.layers.dense({ units: 3, kernelConstraint: tfl.constraints.nonNeg() }),
      ]),
      optimizer: optimizerSettings({ learningRate: 0.2 }),
    });
    run(student, 0, 5);
    expect(student.state().weights[0]!.data.every((value) => value >= 0)).toBe(true);
    const saved = student.state();
    student.restore(saved);
    expect(bits(student.state())).toEqual(bits(saved));
    student.dispose();
  });
});

function countOf(evaluation: Evaluation): number {
  return evaluation.kind === 'class' ? evaluation.correct : NaN;
}

describe('averages of weights', () => {
  it('are what is evaluated and exported, and change nothing of the training', async () => {
    const plain = await trainer();
    const averaged = await trainer({ optimizer: optimizerSettings({ ema: 0.9 }) });
    const want = plain.state().weights.map(({ data }) => Float64Array.from(data));
    const { samples, targets } = batchAt(50, 40);
    for (let step = 0; step < 8; step++) {
      plain.train(batchAt(step));
      averaged.train(batchAt(step));
      averaged.evaluate(samples, targets);
      plain.state().weights.forEach(({ name, data }, index) => {
        const isAverage = !name.includes('moving_');
        data.forEach((value, at) => (want[index]![at] = isAverage ? 0.9 * want[index]![at]! + 0.1 * value : value));
      });
    }
    expect(bits({ weights: averaged.state().weights, slots: [] })).toEqual(
      bits({ weights: plain.state().weights, slots: [] }),
    );
    const exported = exportedWeights(averaged.state());
    exported.forEach(({ data }, index) => data.forEach((value, at) => expect(value).toBeCloseTo(want[index]![at]!, 5)));
    const other = await trainer();
    other.restore({ weights: exported, slots: other.state().slots });
    expect(averaged.evaluate(samples, targets)).toEqual(other.evaluate(samples, targets));
    expect(averaged.evaluate(samples, targets)).not.toEqual(plain.evaluate(samples, targets));
    expect(averaged.export().weights).toEqual(other.export().weights);
    [plain, averaged, other].forEach((student) => student.dispose());
  });
});

it('clips gradients by their global norm, and leaves shorter ones as they are', async () => {
  const settings = { name: 'sgd', momentum: 0, learningRate: 1 } as const;
  const lengthAfterOneStep = async (clipNorm?: number): Promise<number> => {
    const student = await trainer({ optimizer: optimizerSettings({ ...settings, clipNorm }) });
    const before = student.state().weights.map(({ data }) => data);
    student.train(batchAt(0));
    const squares = student
      .state()
      .weights.flatMap(({ name, data }, index) =>
        name.includes('moving_') ? [] : [...data].map((value, at) => (value - before[index]![at]!) ** 2),
      );
    student.dispose();
    return Math.sqrt(squares.reduce((sum, square) => sum + square, 0));
  };
  const free = await lengthAfterOneStep();
  expect(await lengthAfterOneStep(free / 3)).toBeCloseTo(free / 3, 4);
  expect(await lengthAfterOneStep(free * 2)).toBe(free);
});

it('measures agreement in each step that has teacher logits, before the update', async () => {
  const student = await trainer();
  const batch = batchAt(0);
  const { metrics } = student.gradients(batch);
  expect(student.train(batch).metrics).toMatchObject({
    agreement: expect.any(Number),
    klDivergence: expect.any(Number),
  });
  expect(Object.keys(metrics)).toEqual(['agreement', 'klDivergence']);
  expect(student.train({ ...batchAt(1), teacherLogits: null }).metrics).toEqual({});
  student.dispose();
});

describe('evaluation', () => {
  it('counts over more rows than one forward pass takes, as one sample at a time would', async () => {
    const student = await trainer();
    run(student, 0, 5);
    const { samples, targets } = batchAt(0, 300);
    const whole = student.evaluate(samples, targets);
    let [correct, lossSum] = [0, 0];
    for (let row = 0; row < 300; row++) {
      const one = student.evaluate(
        samplesBetween(samples, row, row + 1),
        targetsOf(targets.labels.slice(row, row + 1)),
      );
      correct += countOf(one);
      lossSum += one.lossSum;
    }
    expect(whole).toMatchObject({ samples: 300, correct });
    expect(whole.lossSum).toBeCloseTo(lossSum, 2);
    student.dispose();
  });
});

describe('the export', () => {
  it('is loaded by tfjs and predicts the same', async () => {
    const student = await trainer();
    run(student, 0, 5);
    const { modelJson, weights } = student.export();
    const content = JSON.parse(modelJson) as Record<string, unknown>;
    expect(content).toMatchObject({ format: 'layers-model', generatedBy: expect.stringContaining('Distillery') });
    const [manifest] = content.weightsManifest as { paths: string[]; weights: tf.io.WeightsManifestEntry[] }[];
    expect(manifest!.paths).toEqual(['weights.bin']);
    const loaded = await tfl.loadLayersModel({
      load: () =>
        Promise.resolve({
          modelTopology: content.modelTopology as object,
          weightSpecs: manifest!.weights,
          weightData: weights.buffer as ArrayBuffer,
        }),
    });
    const { samples, targets } = batchAt(50, 40);
    const { labels } = targets;
    const logits = tf.tidy(() =>
      (loaded.predict(tf.tensor(pixelsOf(samples), [40, ...shape])) as tf.Tensor).arraySync(),
    ) as number[][];
    const hits = logits.filter((row, index) => row.indexOf(Math.max(...row)) === labels[index]).length;
    const lossSum = logits.reduce(
      (sum, row, index) => sum + Math.log(row.reduce((all, value) => all + Math.exp(value), 0)) - row[labels[index]!]!,
      0,
    );
    const own = student.evaluate(samples, targets);
    expect(countOf(own)).toBe(hits);
    expect(own.lossSum).toBeCloseTo(lossSum, 4);
    expect(weights.byteLength).toBe(4 * student.parameters);
    loaded.dispose();
    student.dispose();
  });
});

describe('bad input', () => {
  it('a teacher that answers NaN is named, and nothing was trained', async () => {
    const student = await trainer({ modelJson: studentOf(() => []) });
    const then = bits(student.state());
    const batch = batchAt(3);
    batch.teacherLogits![5] = NaN;
    expect(() => student.train(batch)).toThrow(NumericError);
    expect(() => student.train(batch)).toThrow(expect.objectContaining({ what: 'teacher logits', step: 3 }));
    expect(bits(student.state())).toEqual(then);
    student.dispose();
  });

  it('training that diverges is named', async () => {
    const student = await trainer({
      modelJson: studentOf(() => [tfl.layers.flatten(), tfl.layers.dense({ units: 8 })]),
      optimizer: optimizerSettings({ name: 'sgd', learningRate: 1e30 }),
    });
    const diverge = (): void => {
      for (let step = 0; step < 20; step++) student.train(batchAt(step));
    };
    expect(diverge).toThrow(NumericError);
    student.dispose();
  });

  it.each([
    {
      title: 'too few samples',
      change: { samples: { ...imageSamples(shape, new Float32Array(5)), count: 6 } },
      want: { what: 'samples', expected: '384' },
    },
    { title: 'too few labels', change: { targets: targetsOf(new Int32Array(5)) }, want: { what: 'labels' } },
    {
      title: 'a teacher of another width',
      change: { teacherLogits: new Float32Array(60) },
      want: { what: 'teacher logits' },
    },
    {
      title: 'a label past the classes',
      change: { targets: targetsOf(new Int32Array(6).fill(columns)) },
      want: { what: 'labels', found: '4' },
    },
    {
      title: 'a label below 0',
      change: { targets: targetsOf(new Int32Array(6).fill(-1)) },
      want: { what: 'labels', found: '-1' },
    },
    {
      title: 'no input of that name',
      change: { samples: { count: 6, inputs: {} } },
      want: { what: 'input input', found: 'none', expected: 'float32' },
    },
    { title: 'no rows', change: { samples: imageSamples(shape, new Float32Array(0)) }, want: { what: 'rows' } },
  ])('$title', async ({ change, want: { what, found, expected } }) => {
    const student = await trainer();
    expect(() => student.train({ ...batchAt(0), ...change })).toThrow(
      expect.objectContaining({
        name: 'BatchError',
        what,
        fault: expect.objectContaining({
          ...(found === undefined ? {} : { found }),
          ...(expected === undefined ? {} : { expected: expect.stringContaining(expected) }),
        }),
      }),
    );
    student.dispose();
  });

  it.each([
    { title: 'another optimizer', given: () => ({ optimizer: optimizerSettings({ name: 'sgd' }) }), tensor: /adam\/m/ },
    { title: 'another model', given: () => ({ modelJson: studentOf(() => []) }), tensor: /conv/ },
  ])('a state of $title is refused by the tensor’s name', async ({ given, tensor }) => {
    const [one, other] = [await trainer(), await trainer(given())];
    const then = bits(other.state());
    expect(() => other.restore(one.state())).toThrow(StateError);
    expect(() => other.restore(one.state())).toThrow(
      expect.objectContaining({ tensor: expect.stringMatching(tensor) }),
    );
    expect(bits(other.state())).toEqual(then);
    const { weights, slots } = one.state();
    expect(() => one.restore({ weights: weights.slice(0, -1), slots })).toThrow(StateError);
    expect(() => one.restore({ weights, slots: [...slots, ...slots] })).toThrow(StateError);
    const cut = weights.map((weight) => ({ ...weight, data: weight.data.slice(1) }));
    expect(() => one.restore({ weights: cut, slots })).toThrow(StateError);
    one.dispose();
    other.dispose();
  });

  it('a layer without a gradient is found before the first step', async () => {
    const modelJson = studentOf(() => [tfl.layers.separableConv2d({ filters: 2, kernelSize: 3, dilationRate: 2 })]);
    const opening = trainer({ modelJson });
    await expect(opening).rejects.toThrow(StudentModelError);
    await expect(opening).rejects.toMatchObject({
      where: 'training pass',
      fault: { found: expect.stringContaining('dilation') },
    });
  });

  it('a step that fails leaves no tensors behind', async () => {
    const student = await trainer({ modelJson: studentOf(() => []) });
    student.train(batchAt(0));
    const { numTensors } = tf.memory();
    const samples = imageSamples(shape, new Float32Array(6 * 64).fill(3e38));
    for (let round = 0; round < 3; round++)
      expect(() => student.train({ ...batchAt(1), samples })).toThrow(NumericError);
    expect(tf.memory().numTensors).toBe(numTensors);
    student.dispose();
  });
});
