/** @jest-environment ./test/unit/inference/environment.js */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { sentenceOf } from '@distillery/base';
import { beforeAll, describe, expect, test } from '@jest/globals';

import type { Samples } from '../../../workers/samples/index.js';
import { type InferenceSource, ModelError } from '../../../workers/models/inference/index.js';
import { graphOperators } from '../../../workers/models/inference/graph-operators.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { constant, dense, type GraphFiles, graphFiles, node, placeholder } from './graph-model.js';
import { opened } from './opened.js';
import { withModelFolder } from './tfjs-model.js';

const kernel = [1, -2, 0.5, 4, 0.25, -1];
const bias = [0.5, -1];
const rows = [
  [1, 2, 3],
  [-1, 0.5, 2],
];
const sums = rows.map((row) =>
  [0, 1].map((unit) => row.reduce((sum, value, at) => sum + value * kernel[2 * at + unit]!, bias[unit]!)),
);
const samples: Samples = {
  count: 2,
  inputs: { x: { dtype: 'float32', shape: [2, 3], data: Float32Array.from(rows.flat()) } },
};
const source = (path: string, more: Partial<InferenceSource> = {}): InferenceSource => ({
  format: 'tfjs-graph',
  path,
  input: {},
  inputs: { x: { dtype: 'float32', shape: [3], kind: 'plain' } },
  threads: 1,
  ...more,
});

async function answersOf(
  graph: GraphFiles,
  more: Partial<InferenceSource> = {},
): Promise<{ readonly logits: number[]; readonly notes: readonly string[]; readonly description: string }> {
  let answers = { logits: [] as number[], notes: [] as readonly string[], description: '' };
  await withModelFolder(await graphFiles(graph), async (path) => {
    const model = await opened(source(path, more));
    const logits = [...(await model.infer(samples))];
    expect([...(await model.infer(samples))]).toEqual(logits);
    answers = { logits, notes: model.notes, description: model.description };
    await model.close();
  });
  return answers;
}

const changed = (file: unknown, from: string, to: string): string => {
  const text = String(file).replace(from, to);
  expect(text).not.toBe(file);
  return text;
};

/** The test makes models, too, which needs a backend. */
beforeAll(() => openRuntime('auto', 'tfjs-graph'));

describe('a tfjs graph teacher', () => {
  test('answers what its graph says, by the names of its signature', async () => {
    const { logits, notes, description } = await answersOf(dense(kernel, bias, []));
    expect(logits).toEqual(sums.flat());
    expect(notes).toEqual([]);
    expect(description).toMatch(/^tfjs-graph by (wasm|cpu).*\[N, 3\].* → \[N, 2\]$/);
  });

  test.each([
    ['Sigmoid', 'a sigmoid at its end', [node('end', 'Sigmoid', 'sum')]],
    ['Sigmoid', 'a sigmoid behind operators that hand on', [node('s', 'Sigmoid', 'sum'), node('end', 'Identity', 's')]],
  ])('recognizes %s: %s', async (operator, _title, end) => {
    const { logits, notes } = await answersOf(dense(kernel, bias, end));
    expect(notes[0]).toContain(`the operator ${operator} ends the model`);
    logits.forEach((logit, at) => expect(logit).toBeCloseTo(sums.flat()[at]!, 2));
  });

  test('recognizes a softmax', async () => {
    const { logits, notes } = await answersOf(dense(kernel, bias, [node('end', 'Softmax', 'sum')]));
    expect(notes[0]).toContain('the operator Softmax ends the model');
    [0, 2].forEach((at) =>
      expect(logits[at]! - logits[at + 1]!).toBeCloseTo(sums.flat()[at]! - sums.flat()[at + 1]!, 3),
    );
  });

  test('of several outputs answers the one that is named', async () => {
    const both: GraphFiles = {
      ...dense(kernel, bias, [node('end', 'Sigmoid', 'sum')]),
      outputs: { scores: 'end:0', raw: 'sum:0' },
    };
    expect((await answersOf(both, { output: { name: 'raw' } })).logits).toEqual(sums.flat());
    await expect(answersOf(both)).rejects.toThrow('expected teacher.output.name to say which one is meant');
  });

  test('takes a graph without a signature by its placeholder and its last node', async () => {
    const plain = { ...dense(kernel, bias, []), inputs: {}, outputs: {} };
    expect((await answersOf(plain)).logits).toEqual(sums.flat());
  });

  test('computes control flow', async () => {
    // TensorFlow's old conditional: only the branch that is taken has a value, and Merge hands it on.
    const base = dense(kernel, bias, []);
    const branching: GraphFiles = {
      ...base,
      nodes: [
        ...base.nodes,
        constant('half'),
        node('above', 'Greater', 'half', 'zero'),
        constant('zero'),
        node('switch', 'Switch', 'sum', 'above'),
        node('no', 'Neg', 'switch:0'),
        node('yes', 'Identity', 'switch:1'),
        node('merge', 'Merge', 'no', 'yes'),
      ],
      weights: [...base.weights, { name: 'half', shape: [], values: [0.5] }, { name: 'zero', shape: [], values: [0] }],
      outputs: { logits: 'merge:0' },
    };
    expect((await answersOf(branching)).logits).toEqual(sums.flat());
  });
});

describe('a graph', () => {
  const two: GraphFiles = dense(kernel, bias, []);
  test.each<[string, (files: Record<string, string | Uint8Array>) => Record<string, string | Uint8Array>, string]>([
    [
      'with operators that tfjs lacks',
      (files) => ({
        'model.json': changed(changed(files['model.json'], '"MatMul"', '"MyMatMul"'), '"BiasAdd"', '"Spectrum"'),
      }),
      'found operators MyMatMul, Spectrum, expected operators that tfjs computes. Convert the original to ONNX',
    ],
    [
      'whose node reads what is not there',
      (files) => ({ 'model.json': changed(files['model.json'], '["x","kernel"]', '["x","kern"]') }),
      'found a node product whose input kern is no node',
    ],
    [
      'with two nodes of one name',
      (files) => ({ 'model.json': changed(files['model.json'], '"name":"sum"', '"name":"product"') }),
      'found two nodes of the name product',
    ],
    [
      'with a node of a reserved name',
      (files) => ({ 'model.json': changed(files['model.json'], '"name":"sum"', '"name":"__proto__"') }),
      'found a node of the name __proto__',
    ],
    [
      'whose constant has no weight',
      (files) => ({
        'model.json': changed(files['model.json'], '"weights":[{"name":"kernel"', '"weights":[{"name":"kernels"'),
      }),
      'found no weight for the constant kernel',
    ],
    [
      'whose signature names no node',
      (files) => ({ 'model.json': changed(files['model.json'], '"name":"x:0"', '"name":"y:0"') }),
      'found an input or output features of the signature that is no node',
    ],
    [
      'with weights of no size',
      (files) => ({ 'model.json': changed(files['model.json'], '"shape":[3,2]', '"shape":[300000,2000]') }),
      'found weights of 600000002 numbers, expected at most 268435456',
    ],
    [
      'with weights that are cut off',
      () => ({ 'group1-shard1of1.bin': new Uint8Array(5) }),
      'found 5 bytes of weights',
    ],
    [
      'of layers',
      () => ({ 'model.json': JSON.stringify({ modelTopology: { class_name: 'Sequential', config: [] } }) }),
      'found a tfjs layers model, expected a tfjs graph model, as teacher.model.format says. Set the format to tfjs-layers',
    ],
    [
      'without nodes',
      () => ({ 'model.json': '{"format":"graph-model","modelTopology":{"node":[]},"weightsManifest":[]}' }),
      'found modelTopology.node that is wrong',
    ],
  ])('%s is refused', async (_title, change, sentence) => {
    const files = await graphFiles(two);
    await withModelFolder({ ...files, ...change(files) }, async (path) => {
      const error = await opened(source(path)).catch((reason: unknown) => reason);
      expect(error).toBeInstanceOf(ModelError);
      expect(sentenceOf((error as ModelError).fault)).toContain(sentence);
    });
  });

  test('whose nodes wait for each other is refused', async () => {
    const circle: GraphFiles = {
      ...two,
      nodes: [placeholder('x', -1, 3), node('a', 'AddV2', 'x', 'b'), node('b', 'Neg', 'a')],
      weights: [],
      outputs: { logits: 'b:0' },
    };
    await withModelFolder(await graphFiles(circle), async (path) => {
      await expect(opened(source(path))).rejects.toThrow('a model that fails on a batch of shape [2, 3]');
    });
  });
});

test('the list of operators is that of the package', () => {
  const folder = join(import.meta.dirname, '../../../node_modules/@tensorflow/tfjs-converter/dist/operations/op_list');
  const listed = readdirSync(folder)
    .filter((name) => name.endsWith('.js') && name !== 'tfdf.js')
    .flatMap((name) => [...readFileSync(join(folder, name), 'utf8').matchAll(/'tfOpName': '([^']+)'/g)])
    .map(([, name]) => name!);
  expect([...graphOperators].sort()).toEqual([...new Set(listed)].sort());
});
