/** Which tables of a graph the ids of an input select from. */
import { expect, test } from '@jest/globals';

import { embeddingRows, type Operator } from '../../../workers/models/inference/embedding-rows.js';

const op = (name: string, inputs: readonly string[], ...outputs: readonly string[]): Operator => ({
  op: name,
  inputs,
  outputs,
});
const rows = new Map([
  ['table', 100],
  ['small', 2],
  ['packed', 90],
  ['scale', 90],
  ['positions', 512],
]);
const found = (...operators: readonly Operator[]): Record<string, number> =>
  Object.fromEntries(embeddingRows({ inputs: ['ids', 'types'], operators, rows }));

test.each<[string, readonly Operator[], Record<string, number>]>([
  ['of a plain table', [op('Gather', ['table', 'ids'], 'x')], { ids: 100 }],
  [
    'of each input its own',
    [op('Gather', ['table', 'ids'], 'x'), op('Gather', ['small', 'types'], 'y')],
    { ids: 100, types: 2 },
  ],
  [
    'behind a cast and a reshape',
    [op('Cast', ['ids'], 'a'), op('Reshape', ['a', 's'], 'b'), op('GatherV2', ['table', 'b', 'axis'], 'x')],
    { ids: 100 },
  ],
  [
    'of a quantized table',
    [op('DequantizeLinear', ['packed', 'scale'], 't'), op('Gather', ['t', 'ids'], 'x')],
    { ids: 90 },
  ],
  [
    'of a table that is unpacked by hand',
    [op('Cast', ['packed'], 'c'), op('Mul', ['c', 'scale'], 't'), op('Gather', ['t', 'ids'], 'x')],
    { ids: 90 },
  ],
  [
    'of two tables, the smaller one',
    [op('Gather', ['table', 'ids'], 'x'), op('Gather', ['packed', 'ids'], 'y')],
    { ids: 90 },
  ],
  [
    'in the operator of an optimized model',
    [op('EmbedLayerNormalization', ['ids', 'types', 'table', 'positions', 'small'], 'x')],
    { ids: 100 },
  ],
  ['not where ids are computed', [op('Mul', ['ids', 'scale'], 'a'), op('Gather', ['table', 'a'], 'x')], {}],
  ['not where the table is computed', [op('MatMul', ['a', 'b'], 't'), op('Gather', ['t', 'ids'], 'x')], {}],
  ['not in a circle', [op('Cast', ['b'], 'a'), op('Cast', ['a'], 'b'), op('Gather', ['table', 'b'], 'x')], {}],
])('%s', (_title, operators, wanted) => {
  expect(found(...operators)).toEqual(wanted);
});
