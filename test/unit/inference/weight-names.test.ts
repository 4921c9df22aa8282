/** @jest-environment ./test/unit/inference/environment.js */
import * as core from '@tensorflow/tfjs-core';
import * as layers from '@tensorflow/tfjs-layers';
import { beforeAll, describe, expect, test } from '@jest/globals';

import { pairWeights } from '../../../workers/models/inference/weight-names.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { opened } from './opened.js';
import { withModelFolder } from './tfjs-model.js';

type Specs = core.io.WeightsManifestEntry[];
interface Saved {
  readonly modelTopology: object;
  readonly specs: Specs;
  readonly bytes: Uint8Array;
}
const samples = {
  count: 3,
  inputs: {
    x: {
      dtype: 'float32' as const,
      shape: [3, 4, 3],
      data: Float32Array.from({ length: 36 }, (_, at) => (at % 7) / 8),
    },
  },
};
let saved: Saved;
let wanted: number[];

/** Layers whose variables have one, two and three parts in their names. */
beforeAll(async () => {
  await openRuntime('auto', 'tfjs-layers');
  const { layers: of } = layers;
  const seed = (at: number): ReturnType<typeof layers.initializers.glorotNormal> =>
    layers.initializers.glorotNormal({ seed: at });
  const recurrent = of.gru({ units: 4, name: 'memory', kernelInitializer: seed(1), recurrentInitializer: seed(2) });
  const model = layers.sequential({
    layers: [
      of.conv1d({ filters: 5, kernelSize: 2, inputShape: [4, 3], name: 'conv', kernelInitializer: seed(3) }),
      of.batchNormalization({ name: 'norm' }),
      of.bidirectional({ layer: recurrent, mergeMode: 'concat', name: 'both' }),
      of.dense({ units: 6, name: 'dense', kernelInitializer: seed(4) }),
      of.dense({ units: 6, name: 'dense_1', kernelInitializer: seed(5) }),
      of.dense({ units: 2, name: 'logits', kernelInitializer: seed(6) }),
    ],
  });
  const answer = model.predictOnBatch(core.tensor(samples.inputs.x.data, [3, 4, 3])) as core.Tensor;
  wanted = [...(await answer.data())];
  await model.save({
    save: ({ modelTopology, weightSpecs, weightData }) => {
      saved = {
        modelTopology: modelTopology ?? {},
        specs: weightSpecs!,
        bytes: new Uint8Array(weightData as ArrayBuffer),
      };
      return Promise.resolve({ modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } });
    },
  });
});

interface Group {
  readonly paths: readonly string[];
  readonly weights: readonly object[];
}
const answersOf = async (groups: readonly Group[], files: Record<string, Uint8Array>): Promise<number[]> => {
  let found: number[] = [];
  const json = JSON.stringify({ modelTopology: saved.modelTopology, weightsManifest: groups });
  await withModelFolder({ 'model.json': json, ...files }, async (path) => {
    const inputs = { x: { dtype: 'float32', shape: [4, 3], kind: 'plain' } } as const;
    const teacher = await opened({ format: 'tfjs-layers', path, input: {}, inputs, threads: 1 });
    found = [...(await teacher.infer(samples))];
    await teacher.close();
  });
  return found;
};
const renamed = (rename: (name: string) => string): Promise<number[]> => {
  const weights = saved.specs.map((spec) => ({ ...spec, name: rename(spec.name) }));
  return answersOf([{ paths: ['weights.bin'], weights }], { 'weights.bin': saved.bytes });
};

describe('the weights of a tfjs layers model', () => {
  test.each<[string, (name: string) => string]>([
    ['as tfjs writes them', (name) => name],
    ['with the model before them', (name) => `my_model/${name}`],
    ['with the model before them, named like a layer', (name) => `dense/${name}`],
    ['with the output of an operation after them', (name) => `${name}:0`],
    ['with the cell of a layer inside them', (name) => name.replace(/\/([a-z_]+)$/, '/cell_3/$1')],
    ['with all of that', (name) => `my_model/${name.replace(/\/([a-z_]+)$/, '/cell_3/$1')}:0`],
  ])('are found by their names %s', async (_title, rename) => {
    expect(await renamed(rename)).toEqual(wanted);
  });

  test('lie in one file or in many, in one group or in several', async () => {
    const parts = [0, 10, 11, 300, saved.bytes.length];
    const shards = parts
      .slice(1)
      .map((end, at) => [`group1-shard${String(at + 1)}of4.bin`, saved.bytes.slice(parts[at], end)] as const);
    const all = { paths: shards.map(([name]) => name), weights: saved.specs };
    expect(await answersOf([all], Object.fromEntries(shards))).toEqual(wanted);
    const sizes = saved.specs.map(({ shape }) => 4 * shape.reduce((product, size) => product * size, 1));
    let at = 0;
    const groups = saved.specs.map((spec, index) => ({ paths: [`${String(index)}.bin`], weights: [spec] }));
    const files = sizes.map((size, index) => [`${String(index)}.bin`, saved.bytes.slice(at, (at += size))] as const);
    expect(await answersOf(groups, Object.fromEntries(files))).toEqual(wanted);
  });

  test.each([
    ['uint8', 1, 0.1],
    ['uint16', 2, 1e-3],
    ['float16', 2, 5e-3],
  ] as const)('may be quantized to %s', async (dtype, bytes, tolerance) => {
    let at = 0;
    const chunks: Uint8Array[] = [];
    const weights = saved.specs.map((spec) => {
      const size = spec.shape.reduce((product, axis) => product * axis, 1);
      const values = new Float32Array(saved.bytes.slice(at, (at += 4 * size)).buffer);
      if (dtype === 'float16') {
        chunks.push(new Uint8Array(Float16Array.from(values).buffer));
        return { ...spec, quantization: { dtype, original_dtype: 'float32' } };
      }
      const [min, max] = [Math.min(...values), Math.max(...values)];
      const scale = max === min ? 1 : (max - min) / (2 ** (8 * bytes) - 1);
      const steps = values.map((value) => Math.round((value - min) / scale));
      chunks.push(new Uint8Array(dtype === 'uint8' ? Uint8Array.from(steps).buffer : Uint16Array.from(steps).buffer));
      return { ...spec, quantization: { dtype, min, scale, original_dtype: 'float32' } };
    });
    const found = await answersOf([{ paths: ['q.bin'], weights }], { 'q.bin': Buffer.concat(chunks) });
    found.forEach((value, row) => expect(Math.abs(value - wanted[row]!)).toBeLessThan(tolerance));
    expect(found).not.toEqual(wanted);
  });

  test('of the optimizer are left out', async () => {
    const weights = [...saved.specs, { name: 'Adam/m/dense', shape: [2], dtype: 'float32', group: 'optimizer' }];
    const files = { 'w.bin': Buffer.concat([saved.bytes, new Uint8Array(8)]) };
    expect(await answersOf([{ paths: ['w.bin'], weights }], files)).toEqual(wanted);
  });

  test('of another model are refused by name', async () => {
    await expect(renamed((name) => name.replace('logits', 'head'))).rejects.toThrow(
      /found a weight head\/kernel of shape \[6, 2\], expected the name and shape of a variable: logits\/kernel \[6, 2\]/,
    );
  });
});

describe('a pairing', () => {
  const variable = (name: string, ...shape: number[]): { name: string; shape: number[] } => ({ name, shape });
  test('does not guess between two layers', () => {
    const two = [variable('a/kernel', 2), variable('b/kernel', 2)];
    expect(pairWeights([variable('model/kernel', 2), variable('b/kernel', 2)], two)).toMatchObject({ ok: false });
    expect(pairWeights([variable('a/b/kernel', 2), variable('a/kernel', 2)], two)).toEqual({
      ok: true,
      pairs: new Map([
        ['a/kernel', 'a/kernel'],
        ['a/b/kernel', 'b/kernel'],
      ]),
    });
  });

  test('takes the layer that stands last', () => {
    const two = [variable('a/kernel', 2), variable('b/kernel', 2)];
    expect(pairWeights([variable('m/a/b/kernel', 2), variable('m/b/a/kernel', 2)], two)).toEqual({
      ok: true,
      pairs: new Map([
        ['m/a/b/kernel', 'b/kernel'],
        ['m/b/a/kernel', 'a/kernel'],
      ]),
    });
  });

  test('names a variable without a weight, and a weight without a variable', () => {
    expect(pairWeights([], [variable('a/kernel', 2)])).toMatchObject({ found: 'no weights for a/kernel' });
    expect(pairWeights([variable('a/kernel', 2)], [])).toMatchObject({
      found: 'a weight a/kernel of shape [2]',
      expected: 'no further weight: every variable of the model has one',
    });
  });
});
