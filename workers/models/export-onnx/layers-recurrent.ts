/** Recurrent layers, as the operators RNN, GRU and LSTM of ONNX: [steps, samples, features] in, one direction. */
import { activationOf } from './activations.js';
import type { ExportedLayer, LayerKind } from './layer.js';
import { pieces } from './rearrange.js';

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

export const simpleRnn = recurrent({ operator: 'RNN', gates: [0], activations: ['activation'] });
/** Both have the gates z, r, h. */
export const gru = recurrent({ operator: 'GRU', gates: [0, 1, 2], activations: ['recurrentActivation', 'activation'] });
/** tfjs has the gates i, f, c, o; ONNX i, o, f, c. */
export const lstm = recurrent({
  operator: 'LSTM',
  gates: [0, 3, 1, 2],
  activations: ['recurrentActivation', 'activation', 'activation'],
});

function recurrent({ operator, gates, activations }: Cell): LayerKind {
  return {
    weights: (layer) => ['kernel', 'recurrent_kernel', ...(layer.flag('useBias', true) ? ['bias'] : [])],
    emit: (layer, inputs) => {
      const [x] = inputs;
      for (const option of ['goBackwards', 'returnState', 'stateful'] as const) {
        if (layer.flag(option, false)) layer.refuse(`a recurrent layer with ${option} is not exported`);
      }
      if (inputs.length > 1) layer.refuse('a recurrent layer with an initial state as input is not exported');
      const units = layer.number('units', 0);
      const [steps = 0, features = 0] = x.shape;
      const functions = activations.map((key) => {
        const given = layer.value(key) === undefined ? fallback[key] : activationOf(layer, key);
        return names[given] ?? layer.refuse(`its ${key} "${given}" is not exported`);
      });
      const operands = [
        layer.graph.node(layer.layer, 'Transpose', [x], { perm: { ints: [1, 0, 2] } }),
        gated(layer, 'kernel', gates, units, features),
        gated(layer, 'recurrent_kernel', gates, units, units),
        ...(layer.has('bias') ? [biases(layer, gates, units)] : []),
      ];
      const attributes = { hidden_size: { int: units }, activations: { texts: functions } };
      if (layer.flag('returnSequences', false)) {
        // [steps, directions, samples, units] → [samples, steps, directions, units]
        const all = layer.graph.node(layer.layer, operator, operands, attributes);
        const ordered = layer.op('Transpose', [all], [steps, 1, units], { perm: { ints: [2, 0, 1, 3] } });
        return layer.reshape(ordered, [steps, units]);
      }
      const last = layer.graph.node(layer.layer, operator, operands, attributes, [false, true]);
      // [directions, samples, units]
      return layer.op('Squeeze', [last, layer.graph.ints([0])], [units]);
    },
  };
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
function biases(layer: ExportedLayer, gates: readonly number[], units: number): string {
  const size = gates.length * units;
  const { data } = layer.tensor('bias');
  if (data.length !== size) layer.refuse('its bias has another size than its units');
  return layer.graph.weight(`${layer.layer}/bias`, [1, 2 * size], function* () {
    for (const gate of gates) yield data.subarray(gate * units, (gate + 1) * units);
    yield new Float32Array(size);
  });
}
