/** Recurrent layers, as the operators RNN, GRU and LSTM of ONNX: [steps, samples, features] in, one direction at a time. */
import { isJsonObject } from '@distillery/base';

import { activationOf } from './activations.js';
import type { Value } from './graph.js';
import type { ExportedLayer, LayerConfig, LayerKind } from './layer.js';
import { pieces } from './rearrange.js';
import type { Json } from '../topology.js';

interface Cell {
  readonly operator: 'RNN' | 'GRU' | 'LSTM';
  /** Which gate of tfjs stands at each place of ONNX's order. */
  readonly gates: readonly number[];
  /** Configs with the activations that ONNX asks for, in its order. */
  readonly activations: readonly ('activation' | 'recurrentActivation')[];
}

/** Operators' names of activations; hardSigmoid has the same slope and offset by default. */
const names: Readonly<Record<string, string>> = {
  tanh: 'Tanh',
  sigmoid: 'Sigmoid',
  hardSigmoid: 'HardSigmoid',
  relu: 'Relu',
  softsign: 'Softsign',
  softplus: 'Softplus',
};

/** GRU of both: the gates z, r, h. LSTM of tfjs: i, f, c, o; of ONNX: i, o, f, c. */
const cells: Readonly<Record<string, Cell>> = {
  SimpleRNN: { operator: 'RNN', gates: [0], activations: ['activation'] },
  GRU: { operator: 'GRU', gates: [0, 1, 2], activations: ['recurrentActivation', 'activation'] },
  LSTM: { operator: 'LSTM', gates: [0, 3, 1, 2], activations: ['recurrentActivation', 'activation', 'activation'] },
};

export function recurrent(className: 'SimpleRNN' | 'GRU' | 'LSTM'): LayerKind {
  return {
    weights: weightsOf,
    emit: (layer, inputs) => {
      if (inputs.length > 1) layer.refuse('a recurrent layer with an initial state as input is not exported');
      const cell = cells[className];
      return cell === undefined
        ? layer.refuse(`${className} is not exported`)
        : scanned(layer, cell, inputs[0], forward);
    },
  };
}

/** A recurrent layer in both directions, each with weights of its own. */
export const bidirectional: LayerKind = {
  weights: (layer) => {
    const { name, config } = wrapped(layer);
    const kinds = weightsOf(layer.sameWith(config));
    return ['forward', 'backward'].flatMap((way) => kinds.map((kind) => `${way}_${name}/${kind}`));
  },
  emit: (layer, [x]) => {
    const { cell, name, config } = wrapped(layer);
    const inner = layer.inner(config);
    const there = scanned(inner, cell, x, { prefix: `forward_${name}/`, isReversed: false });
    const back = scanned(inner, cell, x, { prefix: `backward_${name}/`, isReversed: true });
    const mode = layer.text('mergeMode', '');
    const { length } = there.shape;
    const units = there.shape.at(-1) ?? 0;
    if (mode === 'concat')
      return layer.op('Concat', [there, back], [...there.shape.slice(0, -1), 2 * units], { axis: { int: length } });
    if (mode === 'mul') return layer.map('Mul', there, [back]);
    if (mode === 'sum') return layer.map('Add', there, [back]);
    if (mode === 'ave') return layer.map('Mul', layer.map('Add', there, [back]), [layer.graph.float(0.5)]);
    return layer.refuse('a Bidirectional without a mergeMode is not exported');
  },
};

function wrapped(layer: LayerConfig): { readonly cell: Cell; readonly name: string; readonly config: Json } {
  const inner = layer.value('layer');
  const { className, config } = isJsonObject(inner) ? inner : {};
  const cell = typeof className === 'string' && Object.hasOwn(cells, className) ? cells[className] : undefined;
  if (cell !== undefined && isJsonObject(config) && typeof config.name === 'string')
    return { cell, name: config.name, config };
  return layer.refuse(`Bidirectional of ${String(className)} is not exported`);
}

function weightsOf(layer: LayerConfig): readonly string[] {
  return ['kernel', 'recurrent_kernel', ...(layer.flag('useBias', true) ? ['bias'] : [])];
}

/** Which weights a pass over a sequence takes, and whether it begins at the end. */
interface Pass {
  /** Of the weights' kinds. */
  readonly prefix: string;
  readonly isReversed: boolean;
}
const forward: Pass = { prefix: '', isReversed: false };

function scanned(
  layer: ExportedLayer,
  { operator, gates, activations }: Cell,
  x: Value,
  { prefix, isReversed }: Pass,
): Value {
  for (const option of ['goBackwards', 'returnState', 'stateful'] as const) {
    if (layer.flag(option, false)) layer.refuse(`a recurrent layer with ${option} is not exported`);
  }
  const units = layer.number('units', 0);
  const [steps = 0, features = 0] = x.shape;
  const functions = activations.map((key) => {
    const given = layer.value(key) === undefined ? fallback[key] : activationOf(layer, key);
    return names[given] ?? layer.refuse(`its ${key} "${given}" is not exported`);
  });
  const operands = [
    layer.graph.node(layer.layer, 'Transpose', [x], { perm: { ints: [1, 0, 2] } }),
    gated(layer, `${prefix}kernel`, gates, units, features),
    gated(layer, `${prefix}recurrent_kernel`, gates, units, units),
    ...(layer.has(`${prefix}bias`) ? [biases(layer, `${prefix}bias`, gates, units)] : []),
  ];
  const attributes = {
    hidden_size: { int: units },
    activations: { texts: functions },
    ...(isReversed ? { direction: { text: 'reverse' } } : {}),
  };
  if (layer.flag('returnSequences', false)) {
    // [steps, directions, samples, units] → [samples, steps, directions, units], the steps in the order of the input
    const all = layer.graph.node(layer.layer, operator, operands, attributes);
    const ordered = layer.op('Transpose', [all], [steps, 1, units], { perm: { ints: [2, 0, 1, 3] } });
    return layer.reshape(ordered, [steps, units]);
  }
  const last = layer.graph.node(layer.layer, operator, operands, attributes, [false, true]);
  // [directions, samples, units]
  return layer.op('Squeeze', [last, layer.graph.ints([0])], [units]);
}

const fallback = { activation: 'tanh', recurrentActivation: 'hardSigmoid' } as const;

/** [rows, gates · units] of tfjs → [1, gates · units, rows] of ONNX, the gates in its order. */
function gated(layer: ExportedLayer, kind: string, gates: readonly number[], units: number, rows: number): string {
  const width = gates.length * units;
  return layer.constant(kind, [1, width, rows], function* (data) {
    for (const gate of gates) yield* pieces(data, { offset: gate * units, sizes: [units, rows], steps: [1, width] });
  });
}

/** The bias of tfjs, then zeros for the second bias that ONNX has. */
function biases(layer: ExportedLayer, kind: string, gates: readonly number[], units: number): string {
  const size = gates.length * units;
  const { data } = layer.tensor(kind);
  if (data.length !== size) layer.refuse('its bias has another size than its units');
  return layer.graph.weight(`${layer.layer}/${kind}`, [1, 2 * size], function* () {
    for (const gate of gates) yield data.subarray(gate * units, (gate + 1) * units);
    yield new Float32Array(size);
  });
}
