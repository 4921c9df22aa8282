import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';
import { supplyTensorMethods } from '../../../workers/models/tensor-methods.js';
import { StudentModelError } from '../../../workers/models/training.js';
import type { StudentTrainer, TrainingBatch } from '../../../workers/models/training.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import type { Runtime } from '../../../workers/runtimes/index.js';
import { targetsOf } from '../../kit/samples.js';
import { studentWith } from './own-layers.js';
import { batchAt, columns, optimizerSettings, shape, studentOf } from './students.js';

let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime('wasm', 'training');
  supplyTensorMethods();
});

function open(modelJson: string, seed = 3): Promise<StudentTrainer> {
  const loss = { temperature: 2, softWeight: 0.5 };
  return runtime.openTrainer({ modelJson, seed, loss, optimizer: optimizerSettings(), totalSteps: 10 });
}

/** The weights that a model starts from. */
async function startOf(modelJson: string): Promise<number[][]> {
  const student = await open(modelJson);
  const start = student.state().weights.map(({ data }) => [...data]);
  student.dispose();
  return start;
}

const inputLayer = { batchInputShape: [null, ...shape] as [null, number, number, number] };
const sequential = (...layers: tfl.layers.Layer[]): string =>
  JSON.stringify(tfl.sequential({ layers }).toJSON(null, false));

describe('a student file', () => {
  const flat = (): tfl.layers.Layer => tfl.layers.flatten(inputLayer);
  const logits = (activation: 'linear' | 'softmax' | 'sigmoid', name = 'end'): tfl.layers.Layer =>
    tfl.layers.dense({ units: columns, activation, name, kernelInitializer: 'heNormal' });

  it('may be a model.json, a bare topology or one inside model_config', async () => {
    const topology: unknown = JSON.parse(sequential(flat(), logits('linear')));
    const bare = await startOf(JSON.stringify(topology));
    expect(
      await startOf(JSON.stringify({ format: 'layers-model', modelTopology: topology, weightsManifest: [] })),
    ).toEqual(bare);
    expect(await startOf(JSON.stringify({ modelTopology: { model_config: topology } }))).toEqual(bare);
  });

  it('may leave its initializers to their defaults', async () => {
    const topology = {
      class_name: 'Sequential',
      config: {
        name: 'plain',
        layers: [
          { class_name: 'Flatten', config: { batch_input_shape: [null, ...shape] } },
          { class_name: 'Dense', config: { units: columns } },
        ],
      },
    };
    expect(await startOf(JSON.stringify(topology))).toEqual(await startOf(JSON.stringify(topology)));
  });

  it.each([
    'glorotUniform',
    'heNormal',
    'leCunUniform',
    'orthogonal',
    'randomNormal',
    'randomUniform',
    'truncatedNormal',
  ] as const)('starts from the same weights in every run with the initializer %s', async (kernelInitializer) => {
    const json = (): string => sequential(flat(), tfl.layers.dense({ units: columns, kernelInitializer }));
    expect(await startOf(json())).toEqual(await startOf(json()));
  });

  it('treats a seed of 0 as a seed, though tfjs would not', async () => {
    const kernelInitializer = tfl.initializers.randomNormal({ seed: 0 });
    const json = sequential(flat(), tfl.layers.dense({ units: columns, kernelInitializer }));
    expect(await startOf(json)).toEqual(await startOf(json));
  });

  it('keeps a seed that the file sets', async () => {
    const kernelInitializer = tfl.initializers.randomNormal({ seed: 5 });
    const json = sequential(flat(), tfl.layers.dense({ units: columns, kernelInitializer }));
    const want = tf.tidy(() => [...tfl.initializers.randomNormal({ seed: 5 }).apply([64, columns]).dataSync()]);
    expect((await startOf(json))[0]).toEqual(want);
  });

  it.each([
    { title: 'in the last layer', json: () => sequential(flat(), logits('softmax')) },
    {
      title: 'as an activation of its own',
      json: () =>
        sequential(flat(), logits('linear', 'dense'), tfl.layers.activation({ activation: 'softmax', name: 'end' })),
    },
    {
      title: 'as a softmax layer',
      json: () => sequential(flat(), logits('linear', 'dense'), tfl.layers.softmax({ name: 'end' })),
    },
    {
      title: 'in a functional model',
      json: () => {
        const input = tfl.input({ shape: [...shape] });
        const output = logits('softmax').apply(flat().apply(input)) as tfl.SymbolicTensor;
        return JSON.stringify(tfl.model({ inputs: input, outputs: output }).toJSON(null, false));
      },
    },
  ])('loses its softmax $title, and says so', async ({ json }) => {
    const student = await open(json());
    expect(student.notes).toEqual([expect.stringMatching(/^layer end: its softmax was taken off/)]);
    const plain = await open(sequential(flat(), logits('linear')));
    expect(plain.notes).toEqual([]);
    plain.restore({ weights: renamed(student, plain), slots: plain.state().slots });
    const { samples, targets } = batchAt(0);
    expect(student.evaluate(samples, targets)).toEqual(plain.evaluate(samples, targets));
    student.dispose();
    plain.dispose();
  });

  it('may take any number of inputs of any known shape, of numbers or ids', async () => {
    const image = tfl.input({ shape: [4, 4, 1], name: 'image' });
    const ids = tfl.input({ shape: [6], dtype: 'int32', name: 'ids' });
    const tokens = tfl.layers.embedding({ inputDim: 9, outputDim: 2, name: 'tokens' }).apply(ids) as tfl.SymbolicTensor;
    const both = tfl.layers
      .concatenate()
      .apply(
        [image, tokens].map((each, at) => tfl.layers.flatten({ name: `flat${at}` }).apply(each) as tfl.SymbolicTensor),
      );
    const model = tfl.model({ inputs: [image, ids], outputs: logits('linear').apply(both) as tfl.SymbolicTensor });
    const student = await open(JSON.stringify(model.toJSON(null, false)));
    expect(student.inputs).toEqual({
      image: { dtype: 'float32', shape: [4, 4, 1] },
      ids: { dtype: 'int32', shape: [6] },
    });
    const batch = (value: number): TrainingBatch => ({
      step: 0,
      samples: {
        count: 1,
        // In another order than the model's: they are matched by name.
        inputs: {
          ids: { dtype: 'int32', shape: [1, 6], data: Int32Array.of(1, 2, 3, 4, 5, value) },
          image: { dtype: 'float32', shape: [1, 4, 4, 1], data: new Float32Array(16).fill(0.5) },
        },
      },
      targets: targetsOf(Int32Array.of(1)),
      teacherLogits: null,
    });
    const { values } = student.gradients(batch(6));
    const tokenRows = values[student.state().weights.findIndex(({ name }) => name.startsWith('tokens'))];
    // A row for each id: those of the sample have gradients, the others have none.
    expect(Array.from({ length: 9 }, (_, id) => tokenRows?.[2 * id] !== 0)).toEqual([
      false,
      true,
      true,
      true,
      true,
      true,
      true,
      false,
      false,
    ]);
    student.dispose();
  });

  it('knows its only input by one name, whatever the file calls it, and takes samples of any name', async () => {
    const input = tfl.input({ shape: [2], name: 'features' });
    const model = tfl.model({ inputs: input, outputs: logits('linear').apply(input) as tfl.SymbolicTensor });
    const student = await open(JSON.stringify(model.toJSON(null, false)));
    expect(student.inputs).toEqual({ input: { dtype: 'float32', shape: [2] } });
    const tensor = { dtype: 'float32', shape: [1, 2], data: Float32Array.of(1, 2) } as const;
    const evaluate = (name: string): unknown =>
      student.evaluate({ count: 1, inputs: { [name]: tensor } }, targetsOf(Int32Array.of(1)));
    expect(evaluate('row')).toEqual(evaluate('input'));
    student.dispose();
  });

  it.each([
    { title: 'no JSON', json: () => '{"class_name"', want: { where: 'file' } },
    { title: 'no object', json: () => '[]', want: { where: 'file' } },
    {
      title: 'a graph model',
      json: () => '{"format":"graph-model"}',
      want: { where: 'format', fault: { found: '"graph-model"' } },
    },
    { title: 'no topology', json: () => '{"format":"layers-model"}', want: { where: 'modelTopology' } },
    {
      title: 'no layers',
      json: () => '{"class_name":"Sequential","config":{"layers":[]}}',
      want: { where: 'model Sequential', fault: { found: 'no layers' } },
    },
    {
      title: 'weights',
      json: () =>
        JSON.stringify({
          modelTopology: JSON.parse(sequential(flat(), logits('linear'))) as object,
          weightsManifest: [{ paths: ['a'] }],
        }),
      want: { where: 'weightsManifest' },
    },
    {
      title: 'an unknown layer',
      json: () => sequential(flat(), logits('linear')).replace('"Dense"', '"Denser"'),
      want: { where: 'layer end', fault: { found: 'a layer of the unknown class "Denser"' } },
    },
    {
      title: 'a closing sigmoid',
      json: () => sequential(flat(), logits('sigmoid')),
      want: { where: 'layer end', fault: { found: 'activation "sigmoid"' } },
    },
    {
      title: 'noise that cannot be seeded',
      json: () =>
        studentOf(() => [
          tfl.layers.reshape({ targetShape: [2, 8, 4, 1] }),
          tfl.layers.convLstm2d({ filters: 2, kernelSize: 2, dropout: 0.1, name: 'fog' }),
        ]),
      want: { where: 'layer fog', fault: { found: 'ConvLSTM2D with dropout' } },
    },
    {
      title: 'a normalization without its numbers',
      json: () => studentWith([3, 2], [{ of: 'Normalization', name: 'scaled' }]),
      want: { where: 'layer scaled', fault: { found: 'a Normalization without mean and variance' } },
    },
    {
      title: 'an input of unknown size',
      json: () => {
        const sized = tfl.layers.conv2d({ filters: 2, kernelSize: 1, batchInputShape: [null, null, 8, 1] });
        return sequential(sized, tfl.layers.globalMaxPooling2d({}), logits('linear'));
      },
      want: { where: expect.stringContaining('input'), fault: { found: 'shape [null,null,8,1]' } },
    },
    {
      title: 'an input of truth values',
      json: () => {
        const input = tfl.input({ shape: [6], dtype: 'bool' });
        const output = logits('linear').apply(tfl.layers.rescaling({ scale: 1 }).apply(input)) as tfl.SymbolicTensor;
        return JSON.stringify(tfl.model({ inputs: input, outputs: output }).toJSON(null, false));
      },
      want: { where: expect.stringContaining('input'), fault: { found: 'values of bool' } },
    },
    {
      title: 'an image as output',
      json: () => sequential(tfl.layers.conv2d({ filters: 2, kernelSize: 3, ...inputLayer })),
      want: { where: expect.stringContaining('output') },
    },
    { title: 'nothing to train', json: () => sequential(flat()), want: { where: 'weights' } },
  ])('is refused with $title', async ({ json, want }) => {
    const { numTensors } = tf.memory();
    const text = json();
    const built = tf.memory().numTensors - numTensors;
    const opening = open(text);
    await expect(opening).rejects.toThrow(StudentModelError);
    await expect(opening).rejects.toMatchObject(want);
    // The model that the test itself built stays; nothing of the trainer's does.
    expect(tf.memory().numTensors).toBe(numTensors + built);
  });
});

function renamed(from: StudentTrainer, to: StudentTrainer): ReturnType<StudentTrainer['state']>['weights'] {
  const names = to.state().weights.map(({ name }) => name);
  return from.state().weights.map((weight, index) => ({ ...weight, name: names[index]! }));
}
