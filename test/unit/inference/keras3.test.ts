/** @jest-environment ./test/unit/inference/environment.js */
/** Models that Keras 3 wrote, as teachers and as students: they answer what Keras answers (fixtures/keras-3.py). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, test } from '@jest/globals';

import type { NumericTensor, Samples, SampleSpec } from '../../../workers/samples/index.js';
import { exportChecked } from '../../../workers/models/export.js';
import { asKeras2 } from '../../../workers/models/keras3.js';
import { readStartingWeights, type StudentTrainer, type TrainerOptions } from '../../../workers/models/training.js';
import { openRuntime, type Runtime } from '../../../workers/runtimes/index.js';
import { optimizerSettings } from '../models-training/students.js';
import { opened } from './opened.js';
import { withModelFolder } from './tfjs-model.js';

type Json = Record<string, unknown>;

interface KerasModel {
  readonly topology: Json;
  readonly weights: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly values: readonly number[];
  }[];
  readonly inputs: Readonly<Record<string, readonly number[]>>;
  readonly outputs: readonly number[];
}

const { models, refused } = JSON.parse(readFileSync(join(import.meta.dirname, 'fixtures/keras-3.json'), 'utf8')) as {
  readonly models: Record<string, KerasModel>;
  readonly refused: Record<string, Json>;
};

/** Number of samples of each model. */
const count = 3;

/** The converter of TensorFlow.js removes these. */
function asConverted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(asConverted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => !['module', 'registered_name', 'date_saved'].includes(key))
      .map(([key, inner]) => [key, asConverted(inner)]),
  );
}

function filesOf({ topology, weights }: KerasModel): Record<string, string | Uint8Array> {
  // Keras counts the samples that a Normalization has seen.
  const isCount = (weight: KerasModel['weights'][number]): boolean => weight.name === 'layers/normalization/vars/2';
  const values = weights.map((weight) => (isCount(weight) ? Int32Array : Float32Array).from(weight.values));
  const manifest = weights.map((weight) => ({
    name: weight.name,
    shape: weight.shape,
    dtype: isCount(weight) ? 'int32' : 'float32',
  }));
  return {
    'model.json': JSON.stringify({
      format: 'layers-model',
      modelTopology: { keras_version: '3.15.1', model_config: topology },
      weightsManifest: [{ paths: ['weights.bin'], weights: manifest }],
    }),
    'weights.bin': Buffer.concat(values.map(({ buffer }) => new Uint8Array(buffer))),
  };
}

/** Of an input, without the axis of the samples. */
function shapeOf({ config }: Json, name: string): readonly number[] {
  const { layers } = config as { readonly layers: readonly { readonly class_name: string; readonly config: Json }[] };
  const inputs = layers.filter(({ class_name: className }) => className === 'InputLayer');
  const input = inputs.find((layer) => layer.config.name === name) ?? inputs[0];
  const [, ...axes] = input!.config.batch_shape as (number | null)[];
  return axes.map((size) => size ?? 1);
}

function samplesOf({ inputs, topology }: KerasModel): {
  readonly samples: Samples;
  readonly spec: SampleSpec['inputs'];
} {
  const isTokens = JSON.stringify(topology).includes('"int32"');
  const only = Object.keys(inputs).length === 1;
  const tensors = Object.entries(inputs).map(([name, values]): [string, NumericTensor] => {
    const shape = shapeOf(topology, name);
    const key = only ? 'input' : name;
    return [
      key,
      isTokens
        ? { dtype: 'int32', shape: [count, ...shape], data: Int32Array.from(values) }
        : { dtype: 'float32', shape: [count, ...shape], data: Float32Array.from(values) },
    ];
  });
  return {
    samples: { count, inputs: Object.fromEntries(tensors) },
    spec: Object.fromEntries(
      tensors.map(
        ([
          name,
          {
            dtype,
            shape: [, ...shape],
          },
        ]) => [name, { dtype, shape, kind: shape.length === 3 ? 'image' : 'plain' }],
      ),
    ) as SampleSpec['inputs'],
  };
}

/** Inputs in the order of the model, which the fixture has. */
function close(found: Iterable<number>, expected: readonly number[]): void {
  const values = [...found];
  expect(values).toHaveLength(expected.length);
  values.forEach((value, at) => expect(value).toBeCloseTo(expected[at]!, 4));
}

describe.each(Object.entries(models))('the %s model of Keras 3', (name, model) => {
  const softmax = name === 'sequential';

  test.each([
    ['as Keras writes it', model],
    ['as the converter leaves it', { ...model, topology: asConverted(model.topology) as Json }],
  ])('answers as a teacher what Keras answers, %s', async (_title, given) => {
    await withModelFolder(filesOf(given), async (path) => {
      const { samples, spec } = samplesOf(given);
      const teacher = await opened({ format: 'tfjs-layers', path, input: {}, inputs: spec, threads: 1 });
      const logits = await teacher.infer(samples);
      close(softmax ? logits.map(Math.exp) : logits, given.outputs);
      await teacher.close();
    });
  });

  test('gives as a student the answers of the weights that it starts from, and trains', async () => {
    await withModelFolder(filesOf(model), async (path) => {
      const weights = { weights: await readStartingWeights(path), except: [] };
      const student = await trainer({ modelJson: readFileSync(path, 'utf8'), start: { weights } });
      const { samples } = samplesOf(model);
      const logits = student.logits(samples);
      const sums = Array.from({ length: count }, (_, row) =>
        logits
          .slice(row * student.columns, (row + 1) * student.columns)
          .reduce((sum, value) => sum + Math.exp(value), 0),
      );
      const answers = softmax
        ? logits.map((value, at) => Math.exp(value) / sums[Math.floor(at / student.columns)]!)
        : logits;
      close(answers, model.outputs);
      const step = (at: number): number =>
        student.train({ step: at, samples, targets: null, teacherLogits: new Float32Array(logits.length).fill(1) })
          .loss;
      const losses = Array.from({ length: 6 }, (_, at) => step(at));
      expect(losses.every(Number.isFinite)).toBe(true);
      // As ONNX it answers the same.
      await exportChecked({
        model: student.export(),
        facts: { namespace: 'default', name, digest: '0'.repeat(64) },
        samples,
        logits: student.logits(samples),
      });
      expect(student.export().modelJson).not.toMatch(/RandomFlip|SpatialDropout2D|DTypePolicy|keras_history/);
      student.dispose();
    });
  });
});

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime('wasm', 'training');
});

function trainer(given: Partial<TrainerOptions> & Pick<TrainerOptions, 'modelJson'>): Promise<StudentTrainer> {
  return runtime.openTrainer({
    seed: 7,
    loss: { kind: 'MSE', temperature: 1, softWeight: 1 },
    optimizer: optimizerSettings(),
    totalSteps: 20,
    ...given,
  });
}

const sentences: Readonly<Record<string, string>> = {
  'an operator': 'layer multiply: found the operator Multiply, which is no layer, expected layers alone.',
  'a mask': 'layer heads: found a call with attention_mask, expected calls on query, value and key alone',
  'a custom layer': 'layer mine: found the custom layer Doubled, expected layers of Keras.',
  'hard sigmoid': 'layer hard: found the activation hard_sigmoid, expected one of linear, relu,',
  groups: 'layer grouped: found groups 2, expected groups 1.',
  'a slope': 'layer bent: found a ReLU with negative_slope or threshold, expected a ReLU with max_value alone.',
  'double numbers': 'layer wide: found the type float64, expected float32.',
  normalization: 'layer scaled: found an input of shape [N, 4, 4, 2] (',
  rotation: 'layer turned: found a layer of the unknown class "RandomRotation", expected',
};

describe('a model of Keras 3 that tfjs cannot compute', () => {
  test.each(Object.entries(refused))('is refused by name: %s', async (title, topology) => {
    const sentence = sentences[title];
    expect(sentence).toBeDefined();
    await expect(trainer({ modelJson: JSON.stringify(topology) })).rejects.toThrow(`student model, ${sentence!}`);
  });
});

test('a topology of Keras 2 stays the same object', () => {
  const topology = {
    class_name: 'Sequential',
    config: { layers: [{ class_name: 'Dense', config: { dtype: 'float32' } }] },
  };
  expect(asKeras2(topology)).toBe(topology);
});
