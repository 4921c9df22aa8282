/** Students of three kinds for benchmarks of the runtimes, made by presets, so that another library can build them as well. */
import { randomFrom } from '@distillery/base';
import { choosePreset, type PresetInput, presetTopology } from '@distillery/presets';

import { type Samples, sizeOf } from '../../../workers/samples/index.js';
import type { TrainerOptions, TrainingBatch } from '../../../workers/models/training.js';

export interface StudentCase {
  readonly name: string;
  readonly batch: number;
  readonly input: PresetInput;
  readonly columns: number;
  /** Keras' functional format. */
  readonly topology: object;
}

const image: PresetInput = { dtype: 'float32', shape: [28, 28, 1] };
const tokens: PresetInput = { dtype: 'int32', shape: [64], values: 2_000 };

function caseOf(name: string, preset: string, input: PresetInput, batch: number): StudentCase {
  const columns = 10;
  const chosen = choosePreset(preset, []);
  const { topology } = presetTopology(chosen, { inputs: { input }, outputs: columns });
  return { name, batch, input, columns, topology };
}

export const studentCases: readonly StudentCase[] = [
  caseOf('CNN (conv16-pool-conv32-pool-dense128)', 'cnn-tiny', image, 64),
  caseOf('ResNet-like (resnet-tiny)', 'resnet-tiny', image, 64),
  caseOf('transformer (text-transformer-tiny)', 'text-transformer-tiny', tokens, 64),
];

/** Those whose name contains `part`. */
export function casesNamed(part = ''): readonly StudentCase[] {
  return studentCases.filter(({ name }) => name.includes(part));
}

/** The settings that all libraries train with: Adam, and a loss of teacher and labels. */
export const loss = { temperature: 4, softWeight: 0.9 } as const;
const optimizer = {
  name: 'adam',
  learningRate: 0.001,
  momentum: 0.9,
  beta1: 0.9,
  beta2: 0.999,
  epsilon: 1e-7,
  weightDecay: 0,
  schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 1 },
} as const;

export function trainerOptions({ topology }: StudentCase, totalSteps: number): TrainerOptions {
  return { modelJson: JSON.stringify(topology), seed: 1, loss, optimizer, totalSteps };
}

/** Always the same samples. */
export function batchOf({ input, columns, batch: rows }: StudentCase): TrainingBatch {
  const random = randomFrom(1);
  const { dtype, shape, values = 2 } = input;
  const length = rows * sizeOf(shape);
  const tensor: Samples['inputs'][string] =
    dtype === 'int32'
      ? { dtype, shape: [rows, ...shape], data: Int32Array.from({ length }, () => random.below(values)) }
      : { dtype: 'float32', shape: [rows, ...shape], data: Float32Array.from({ length }, () => random.unit()) };
  return {
    step: 0,
    samples: { count: rows, inputs: { input: tensor } },
    targets: { kind: 'class', perSample: 1, labels: Int32Array.from({ length: rows }, () => random.below(columns)) },
    teacherLogits: Float32Array.from({ length: rows * columns }, () => random.unit()),
  };
}
