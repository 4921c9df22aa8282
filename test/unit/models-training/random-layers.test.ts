/** Layers that draw at random while they train: from the seed and the step, and not at all in evaluation and export. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { randomFrom } from '@distillery/base';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import type { NumericTensor } from '../../../workers/samples/index.js';
import { openStudentModel } from '../../../workers/models/student-model.js';
import type { StudentTrainer, TrainerState, TrainingBatch } from '../../../workers/models/training.js';
import { openRuntime, type Runtime } from '../../../workers/runtimes/index.js';
import { studentWith } from './own-layers.js';
import { batchAt, columns, optimizerSettings, studentOf } from './students.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime('wasm', 'training');
});

type Config = Readonly<Record<string, unknown>>;

/** A layer of a class that plain tfjs may lack, between pictures of 8 × 8 × 2 and logits. */
function modelOf(className: string, config: Config = {}): string {
  const layer = (name: string, of: string, more: Config): object => ({ class_name: of, config: { name, ...more } });
  return JSON.stringify({
    class_name: 'Sequential',
    config: {
      name: 'random',
      layers: [
        layer('widened', 'Conv2D', {
          filters: 2,
          kernel_size: 1,
          batch_input_shape: [null, 8, 8, 1],
          kernel_initializer: { class_name: 'Ones', config: {} },
        }),
        layer('random', className, config),
        layer('flat', 'Flatten', {}),
        layer('logits', 'Dense', { units: columns }),
      ],
    },
  });
}

const layers: readonly { readonly className: string; readonly config: Config }[] = [
  { className: 'RandomFlip', config: { mode: 'horizontal' } },
  { className: 'RandomFlip', config: { mode: 'horizontal_and_vertical', seed: 5 } },
  { className: 'GaussianNoise', config: { stddev: 0.3 } },
  { className: 'GaussianDropout', config: { rate: 0.4 } },
  { className: 'AlphaDropout', config: { rate: 0.3 } },
  { className: 'SpatialDropout2D', config: { rate: 0.5 } },
];

/** Two recurrent layers that drop, in one direction and in both. */
const recurrent = (): string =>
  studentOf(() => [
    tfl.layers.reshape({ targetShape: [8, 8] }),
    tfl.layers.bidirectional({
      layer: tfl.layers.gru({ units: 3, dropout: 0.3, returnSequences: true }),
      mergeMode: 'concat',
    }),
    tfl.layers.lstm({ units: 3, dropout: 0.2, recurrentDropout: 0.4 }),
  ]);

const attention = studentWith(
  [8, 8],
  [{ of: 'MultiHeadAttention', config: { num_heads: 2, key_dim: 3, dropout: 0.4 }, options: { value: 'given' } }],
);

function open(modelJson: string, seed = 7): Promise<StudentTrainer> {
  return runtime.openTrainer({
    modelJson,
    seed,
    loss: { temperature: 2, softWeight: 0.5 },
    optimizer: optimizerSettings(),
    totalSteps: 10,
  });
}

const bits = ({ weights }: TrainerState): string[] =>
  weights.map(
    ({ name, data }) => `${name} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`,
  );

const students = [
  ...layers.map(({ className, config }) => ({
    what: `a ${className} of ${JSON.stringify(config)}`,
    modelJson: () => modelOf(className, config),
    batch: batchAt,
  })),
  { what: 'recurrent layers with dropout', modelJson: recurrent, batch: batchAt },
  {
    what: 'an attention with dropout',
    modelJson: () => attention,
    batch: (step: number): TrainingBatch => {
      const batch = batchAt(step);
      const { data } = batch.samples.inputs.input as NumericTensor;
      return {
        ...batch,
        samples: { count: 6, inputs: { input: { dtype: 'float32', shape: [6, 8, 8], data: Float32Array.from(data) } } },
      };
    },
  },
];

describe.each(students)('$what', ({ modelJson: jsonOf, batch: batchOf }) => {
  it('draws from the seed and the step, so that a restored trainer continues bit for bit', async () => {
    const modelJson = jsonOf();
    const straight = await open(modelJson);
    for (let step = 0; step < 6; step++) straight.train(batchOf(step));
    const first = await open(modelJson);
    for (let step = 0; step < 3; step++) first.train(batchOf(step));
    const second = await open(modelJson);
    second.restore(structuredClone(first.state()));
    for (let step = 3; step < 6; step++) second.train(batchOf(step));
    expect(bits(second.state())).toEqual(bits(straight.state()));
    const again = batchOf(0);
    // Two steps with one batch differ by what they draw.
    const [once, twice] = [straight.gradients(again).loss, straight.gradients({ ...again, step: 1 }).loss];
    expect(once).not.toBe(twice);
    for (const student of [straight, first, second]) student.dispose();
  });
});

describe.each(layers)('a $className of $config', ({ className, config }) => {
  const modelJson = modelOf(className, config);

  it('changes nothing in evaluation, and is exported as what plain tfjs and ONNX have', async () => {
    const [random, plain] = [await open(modelJson), await open(modelOf('Activation', { activation: 'linear' }))];
    const { samples } = batchAt(1);
    expect([...random.logits(samples)]).toEqual([...plain.logits(samples)]);
    const exported = random.export().modelJson;
    expect(exported).not.toMatch(/RandomFlip|SpatialDropout2D/);
    random.dispose();
    plain.dispose();
  });
});

/** What the layer makes of a batch of pictures while it trains: [samples, height, width, channels]. */
async function trained(className: string, config: Config, pixels: tf.Tensor4D, step: number): Promise<number[][][][]> {
  const [, height, width, channels] = pixels.shape;
  const topology = {
    class_name: 'Sequential',
    config: {
      name: 'alone',
      layers: [
        {
          class_name: className,
          config: { name: 'random', batch_input_shape: [null, height, width, channels], ...config },
        },
        { class_name: 'Flatten', config: { name: 'flat' } },
      ],
    },
  };
  const model = await openStudentModel(JSON.stringify(topology), 3);
  model.seedMasks(step);
  const found = tf.tidy(() => tf.reshape(model.apply([pixels], true), pixels.shape).arraySync() as number[][][][]);
  model.dispose();
  return found;
}

it('mirrors each picture or leaves it, from left to right or upside down as the layer says', async () => {
  const picture = [
    [[1], [2], [3]],
    [[4], [5], [6]],
  ];
  const sideways = picture.map((row) => row.toReversed());
  const forms: Readonly<Record<string, number[][][][]>> = {
    horizontal: [picture, sideways],
    vertical: [picture, picture.toReversed()],
    horizontal_and_vertical: [picture, sideways, picture.toReversed(), sideways.toReversed()],
  };
  for (const [mode, wanted] of Object.entries(forms)) {
    const pixels = tf.tensor4d(Array.from({ length: 40 }, () => picture));
    const found = await trained('RandomFlip', { mode }, pixels, 4);
    const seen = new Set(found.map((each) => JSON.stringify(each)));
    expect(seen).toEqual(new Set(wanted.map((each) => JSON.stringify(each))));
    pixels.dispose();
  }
});

it('drops whole channels', async () => {
  const pixels: tf.Tensor4D = tf.ones([6, 3, 3, 8]);
  const found = await trained('SpatialDropout2D', { rate: 0.5 }, pixels, 2);
  const values = found.map((sample) =>
    Array.from({ length: 8 }, (_, channel) => [...new Set(sample.flat().map((pixel) => pixel[channel]))]),
  );
  expect(values.flat().every((each) => each.length === 1)).toBe(true);
  expect([...new Set(values.flat(2))].sort()).toEqual([0, 2]);
  pixels.dispose();
});

it('drops to the value of a SELU far below 0, and keeps mean and deviation', async () => {
  const random = randomFrom(4);
  // Of mean 0 and deviation 1.
  const pixels = tf.tensor4d(
    Float32Array.from({ length: 16_000 }, () => Math.sqrt(12) * (random.unit() - 0.5)),
    [10, 40, 40, 1],
  );
  const rate = 0.3;
  const found = Float32Array.from((await trained('AlphaDropout', { rate }, pixels, 2)).flat(3));
  const given = pixels.dataSync();
  const counts = new Map<string, number>();
  for (const value of found) counts.set(value.toFixed(4), (counts.get(value.toFixed(4)) ?? 0) + 1);
  const [most, next] = [...counts].sort(([, a], [, b]) => b - a);
  expect(next![1]).toBeLessThan(20);
  const [dropped] = most!;
  // a · (−λα) + b, with the a and b of this rate that the paper on self-normalizing networks gives.
  const alpha = -1.758099;
  const a = ((1 - rate) * (1 + rate * alpha ** 2)) ** -0.5;
  expect(Number(dropped)).toBeCloseTo(a * alpha - a * alpha * rate, 3);
  const kept = [...found].findIndex((value) => value.toFixed(4) !== dropped);
  expect(found[kept]).toBeCloseTo(a * given[kept]! - a * alpha * rate, 4);
  const mean = found.reduce((sum, value) => sum + value, 0) / found.length;
  const variance = found.reduce((sum, value) => sum + (value - mean) ** 2, 0) / found.length;
  expect(Math.abs(mean)).toBeLessThan(0.05);
  expect(Math.abs(variance - 1)).toBeLessThan(0.05);
  pixels.dispose();
});

it('is refused for pictures that it does not know, and for what is no picture', async () => {
  await expect(open(modelOf('RandomFlip', { mode: 'sideways' }))).rejects.toThrow(
    'layer random: found a RandomFlip of the mode sideways, expected a RandomFlip that is computed here.',
  );
});
