/**
 * Speed of one student alone on one thread: no streams, no files, always the same batch. It measures CPU time and wall
 * time, since other load on the machine affects the latter.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { randomFrom } from '@distillery/base';
import * as tfl from '@tensorflow/tfjs-layers';

import { imageSamples, onlyInput, sizeOf } from '../../workers/samples/index.js';
import { type StudentTrainer, type TrainingBatch } from '../../workers/models/training.js';
import { noNative, openRuntime, type Runtime, runtimeTable } from '../../workers/runtimes/index.js';
import { builtNative } from '../kit/native.js';

import { type BenchTable, median } from './table.js';

const warmUpSteps = 30;
const measuredSteps = 40;
const rounds = 5;
const student = join(import.meta.dirname, '../../../examples/mnist/models/student.json');

/** The network for which figures of other runtimes exist (docs/adr/0004-wasm-gradient-kernels.md). */
function referenceNetwork(): string {
  const { layers } = tfl;
  const model = tfl.sequential({
    layers: [
      layers.conv2d({ filters: 16, kernelSize: 3, padding: 'same', activation: 'relu', inputShape: [28, 28, 1] }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.conv2d({ filters: 32, kernelSize: 3, padding: 'same', activation: 'relu' }),
      layers.maxPooling2d({ poolSize: 2 }),
      layers.flatten(),
      layers.dense({ units: 128, activation: 'relu' }),
      layers.dense({ units: 10 }),
    ],
  });
  const json = JSON.stringify(model.toJSON(null, false));
  model.dispose();
  return json;
}

export async function trainerBench(say: (line: string) => void): Promise<BenchTable> {
  const table = runtimeTable({ ...noNative, folder: builtNative() });
  const rows: BenchTable['rows'][number][] = [];
  for (const choice of ['wasm', 'native'] as const) {
    if (choice === 'native' && builtNative() === null) continue;
    const runtime = await openRuntime(choice, 'training', table);
    const cases = [
      { model: 'conv16-pool-conv32-pool-dense128', modelJson: referenceNetwork(), batch: 64 },
      { model: 'examples/mnist student', modelJson: readFileSync(student, 'utf8'), batch: 128 },
    ];
    for (const { model, modelJson, batch } of cases) {
      say(`${model} on ${runtime.description}`);
      rows.push({ model, runtime: runtime.description, batch, ...(await measure(runtime, modelJson, batch)) });
    }
  }
  return {
    name: 'trainer',
    goal: 'at least 500 samples/s for the first, 1,200 for the second',
    better: { 'samples/CPU s': 'more' },
    rows,
  };
}

async function measure(runtime: Runtime, modelJson: string, rows: number): Promise<Record<string, number>> {
  const trainer = await runtime.openTrainer({
    modelJson,
    seed: 1,
    loss: { temperature: 4, softWeight: 0.9 },
    optimizer: {
      name: 'adam',
      learningRate: 0.001,
      momentum: 0.9,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-7,
      weightDecay: 0,
      schedule: { name: 'Constant', warmupSteps: 0, finalFraction: 1 },
    },
    totalSteps: warmUpSteps + rounds * measuredSteps,
  });
  const batch = batchOf(trainer, rows);
  let next = 0;
  const train = (steps: number): void => {
    for (const end = next + steps; next < end; next++) trainer.train({ ...batch, step: next });
  };
  train(warmUpSteps);
  const measured = Array.from({ length: rounds }, () => {
    const [wall, cpu] = [performance.now(), process.cpuUsage()];
    train(measuredSteps);
    const { user, system } = process.cpuUsage(cpu);
    return { wallSeconds: (performance.now() - wall) / 1e3, cpuSeconds: (user + system) / 1e6 };
  });
  const perSecond = (seconds: number): number => Math.round((measuredSteps * rows) / seconds);
  const wallSeconds = median(measured.map((round) => round.wallSeconds));
  trainer.dispose();
  return {
    parameters: trainer.parameters,
    'ms/step': Math.round((wallSeconds / measuredSteps) * 1e5) / 100,
    'samples/s': perSecond(wallSeconds),
    'samples/CPU s': perSecond(median(measured.map((round) => round.cpuSeconds))),
  };
}

function batchOf({ inputs, columns }: StudentTrainer, rows: number): TrainingBatch {
  const shape = inputs[onlyInput]?.shape ?? [];
  const random = randomFrom(1);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => random.unit());
  return {
    step: 0,
    samples: imageSamples(shape, draw(rows * sizeOf(shape))),
    targets: { kind: 'class', perSample: 1, labels: Int32Array.from({ length: rows }, () => random.below(columns)) },
    teacherLogits: draw(rows * columns),
  };
}
