/** Activation functions, as nodes. */
import type { Value } from './graph.js';
import type { ExportedLayer, LayerConfig } from './layer.js';

type Activate = (layer: ExportedLayer, x: Value) => Value;

const product = (layer: ExportedLayer, a: Value, b: Value): Value => layer.map('Mul', a, [b]);

/** By the name that tfjs gives them, in camel case. */
const activations: Readonly<Record<string, Activate>> = {
  linear: (_layer, x) => x,
  relu: (layer, x) => layer.map('Relu', x),
  relu6: (layer, x) => layer.map('Clip', x, [layer.graph.float(0), layer.graph.float(6)]),
  elu: (layer, x) => layer.map('Elu', x),
  selu: (layer, x) => layer.map('Selu', x),
  sigmoid: (layer, x) => layer.map('Sigmoid', x),
  hardSigmoid: (layer, x) => layer.map('HardSigmoid', x, [], { alpha: { float: 0.2 }, beta: { float: 0.5 } }),
  tanh: (layer, x) => layer.map('Tanh', x),
  softplus: (layer, x) => layer.map('Softplus', x),
  softsign: (layer, x) => layer.map('Softsign', x),
  softmax: (layer, x) => layer.map('Softmax', x, [], { axis: { int: -1 } }),
  logSoftmax: (layer, x) => layer.map('LogSoftmax', x, [], { axis: { int: -1 } }),
  swish: (layer, x) => product(layer, x, layer.map('Sigmoid', x)),
  mish: (layer, x) => product(layer, x, layer.map('Tanh', layer.map('Softplus', x))),
  gelu: (layer, x) => {
    const { graph } = layer;
    const inner = layer.map('Erf', layer.map('Div', x, [graph.float(Math.SQRT2)]));
    return product(layer, x, layer.map('Mul', layer.map('Add', inner, [graph.float(1)]), [graph.float(0.5)]));
  },
  geluNew: (layer, x) => {
    const { graph } = layer;
    const cubic = layer.map('Mul', layer.map('Pow', x, [graph.float(3)]), [graph.float(0.044715)]);
    const scaled = layer.map('Mul', layer.map('Add', x, [cubic]), [graph.float(Math.sqrt(2 / Math.PI))]);
    const outer = layer.map('Add', layer.map('Tanh', scaled), [graph.float(1)]);
    return layer.map('Mul', product(layer, x, outer), [graph.float(0.5)]);
  },
};

/** @throws OnnxExportError for an activation that is not exported */
export function activated(layer: ExportedLayer, x: Value, name = activationOf(layer)): Value {
  const activate = Object.hasOwn(activations, name) ? activations[name] : undefined;
  return activate === undefined ? layer.refuse(`its activation "${name}" has no ONNX form here`) : activate(layer, x);
}

/** The name of an activation in a config: a text, or an object with its class. */
export function activationOf(layer: LayerConfig, key = 'activation'): string {
  const value = layer.value(key) ?? 'linear';
  if (typeof value === 'string') return value;
  const { className } = value as { readonly className?: unknown };
  return typeof className === 'string' ? className : layer.refuse(`its ${key} has no name`);
}
