/** Attention of several heads over sequences, as own-layers/attention.ts computes it. */
import { unseen } from '../own-layers/attention.js';
import type { Value } from './graph.js';
import type { ExportedLayer, LayerKind } from './layer.js';

const parts = ['query', 'key', 'value', 'attention_output'];

export const multiHeadAttention: LayerKind = {
  weights: (layer) =>
    parts.flatMap((part) => [`${part}/kernel`, ...(layer.flag('useBias', true) ? [`${part}/bias`] : [])]),
  emit: (layer, [query, value = query, key = value]) => {
    const heads = layer.number('numHeads', 1);
    const keySize = layer.number('keyDim', 1);
    const valueSize = layer.number('valueDim', keySize);
    const [steps = 0] = query.shape;
    const [seen = 0] = key.shape;
    const queries = headsOf(layer, 'query', query, heads, keySize);
    const scaled = layer.map('Mul', queries, [layer.graph.float(1 / Math.sqrt(keySize))]);
    // [heads, size, steps]
    const keys = layer.transpose(headsOf(layer, 'key', key, heads, keySize), [0, 2, 1]);
    const scores = layer.op('MatMul', [scaled, keys], [heads, steps, seen]);
    const allowed = layer.flag('useCausalMask', false)
      ? layer.map('Add', scores, [pastOnly(layer, steps, seen)])
      : scores;
    const weights = layer.map('Softmax', allowed, [], { axis: { int: -1 } });
    const values = headsOf(layer, 'value', value, heads, valueSize);
    const attended = layer.transpose(layer.op('MatMul', [weights, values], [heads, steps, valueSize]), [1, 0, 2]);
    const [, , size = 0] = layer.tensor('attention_output/kernel').shape;
    const joined = layer.reshape(attended, [steps, heads * valueSize]);
    return dense(layer, 'attention_output', joined, [heads * valueSize, size]);
  },
};

/** @returns [heads, steps, size] */
function headsOf(layer: ExportedLayer, part: string, x: Value, heads: number, size: number): Value {
  const [steps = 0, features = 0] = x.shape;
  const wide = dense(layer, part, x, [features, heads * size]);
  return layer.transpose(layer.reshape(wide, [steps, heads, size]), [1, 0, 2]);
}

function dense(layer: ExportedLayer, part: string, x: Value, [from, to]: readonly [number, number]): Value {
  const kernel = layer.weight(`${part}/kernel`, undefined, [from, to]);
  const product = layer.op('MatMul', [x, kernel], [...x.shape.slice(0, -1), to]);
  return layer.has(`${part}/bias`)
    ? layer.map('Add', product, [layer.weight(`${part}/bias`, undefined, [to])])
    : product;
}

function pastOnly(layer: ExportedLayer, steps: number, seen: number): string {
  return layer.graph.weight(`${layer.layer}/past`, [steps, seen], () => [
    Float32Array.from({ length: steps * seen }, (_, at) => (at % seen > Math.floor(at / seen) ? unseen : 0)),
  ]);
}
