/** @jest-environment ./test/unit/inference/environment.js */
/**
 * Layers of Keras that tfjs lacks: gradients are the slopes of the loss, wasm trains as the cpu backend does, the result opens
 * again, and ONNX Runtime answers the same. That they answer as Keras does is in inference/keras3.test.ts.
 */
import { beforeAll, describe, expect, it } from '@jest/globals';
import { randomFrom } from '@distillery/base';

import type { Samples } from '../../../workers/samples/index.js';
import { exportChecked } from '../../../workers/models/export.js';
import type { StudentTrainer, TrainerState, TrainingBatch } from '../../../workers/models/training.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { columns, optimizerSettings } from './students.js';
import { ownLayers, studentWith } from './own-layers.js';

const rows = 3;

function batchFor(shape: readonly number[]): TrainingBatch {
  const random = randomFrom(8);
  const draw = (length: number): Float32Array => Float32Array.from({ length }, () => 2 * random.unit() - 1);
  const size = shape.reduce((product, axis) => product * axis, rows);
  const samples: Samples = {
    count: rows,
    inputs: { input: { dtype: 'float32', shape: [rows, ...shape], data: draw(size) } },
  };
  return { step: 0, samples, targets: null, teacherLogits: draw(rows * columns) };
}

async function open(choice: 'cpu' | 'wasm', modelJson: string): Promise<StudentTrainer> {
  const runtime = await openRuntime(choice, 'training');
  return runtime.openTrainer({
    modelJson,
    seed: 7,
    loss: { kind: 'MSE', temperature: 1, softWeight: 1 },
    optimizer: optimizerSettings({ name: 'sgd', momentum: 0 }),
    totalSteps: 10,
  });
}

/** The state with one number of a trained weight moved. */
function moved(state: TrainerState, weight: string, at: number, by: number): TrainerState {
  const copy = structuredClone(state);
  const data = copy.weights.find(({ name }) => name === weight)!.data;
  data[at] = data[at]! + by;
  return copy;
}

/** Frozen weights have no gradient; those of `gradients` come in the order of the others. */
const trainedNames = ({ weights }: TrainerState): string[] =>
  weights.map(({ name }) => name).filter((name) => !/moving_|scaled\//.test(name));

beforeAll(async () => {
  await openRuntime('cpu', 'training');
});

describe.each(ownLayers)('$what', ({ shape, layers }) => {
  const modelJson = studentWith(shape, layers);
  const batch = batchFor(shape);

  it('has the gradients that its loss has slopes', async () => {
    const student = await open('cpu', modelJson);
    const state = student.state();
    const { values } = student.gradients(batch);
    const names = trainedNames(state);
    expect(names).toHaveLength(values.length);
    const lossOf = (given: TrainerState): number => {
      student.restore(given);
      return student.gradients(batch).loss;
    };
    const random = randomFrom(3);
    const step = 1e-2;
    for (const [index, gradient] of values.entries()) {
      const scale = Math.max(...gradient.map(Math.abs), 0.02);
      for (let draw = 0; draw < 3; draw++) {
        const at = random.below(gradient.length);
        const name = names[index]!;
        const slope = (lossOf(moved(state, name, at, step)) - lossOf(moved(state, name, at, -step))) / (2 * step);
        expect(Math.abs(slope - gradient[at]!) / scale).toBeLessThan(0.03);
      }
    }
    student.dispose();
  });

  it('trains on wasm as on cpu', async () => {
    const results = [];
    for (const choice of ['cpu', 'wasm'] as const) {
      const student = await open(choice, modelJson);
      results.push({ losses: [0, 1, 2].map((step) => student.train({ ...batch, step }).loss), state: student.state() });
      student.dispose();
    }
    const [cpu, wasm] = results;
    cpu!.losses.forEach((loss, at) => expect(wasm!.losses[at]).toBeCloseTo(loss, 4));
    cpu!.state.weights.forEach(({ data }, index) =>
      data.forEach((value, at) => expect(wasm!.state.weights[index]!.data[at]).toBeCloseTo(value, 4)),
    );
  });

  it('is exported as a model that opens again and as ONNX, with the same answers', async () => {
    const student = await open('wasm', modelJson);
    student.train(batch);
    const { samples } = batch;
    const logits = student.logits(samples);
    const model = student.export();
    const facts = { namespace: 'team', name: 'own', digest: 'ab'.repeat(32) };
    await expect(exportChecked({ model, facts, samples, logits })).resolves.toBeInstanceOf(Uint8Array);
    const { modelTopology } = JSON.parse(model.modelJson) as { readonly modelTopology: unknown };
    const again = await open('wasm', JSON.stringify(modelTopology));
    again.restore(student.state());
    expect([...again.logits(samples)]).toEqual([...logits]);
    expect(student.notes.join()).toMatch(/plain TensorFlow.js does not compute/);
    again.dispose();
    student.dispose();
  });
});
