/** Dense layers, embeddings, activations as layers, and layers that do nothing after training. */
import { activated } from './activations.js';
import type { Value } from './graph.js';
import type { LayerKind } from './layer.js';

export const dense: LayerKind = {
  weights: (layer) => ['kernel', ...(layer.flag('useBias', true) ? ['bias'] : [])],
  emit: (layer, [x]) => {
    const shape = [...x.shape.slice(0, -1), layer.number('units', 0)];
    const kernel = layer.weight('kernel');
    const bias = layer.has('bias') ? [layer.weight('bias')] : [];
    if (shape.length === 1) return activated(layer, layer.op('Gemm', [x, kernel, ...bias], shape));
    const multiplied = layer.op('MatMul', [x, kernel], shape);
    return activated(layer, bias.length === 0 ? multiplied : layer.map('Add', multiplied, bias));
  },
};

export const embedding: LayerKind = {
  weights: () => ['embeddings'],
  emit: (layer, [x]) => {
    if (layer.flag('maskZero', false))
      layer.refuse('an Embedding with maskZero is not exported, since ONNX has no masks');
    const table = layer.weight('embeddings');
    // As tfjs does with ids that come as float32; 6 = int32.
    const ids: Value =
      x.type === 'float32'
        ? { ...x, name: layer.graph.node(layer.layer, 'Cast', [x], { to: { int: 6 } }), type: 'int32' }
        : x;
    return layer.op('Gather', [table, ids], [...x.shape, layer.number('outputDim', 0)], { axis: { int: 0 } });
  },
};

export const rescaling: LayerKind = {
  emit: (layer, [x]) => {
    const scaled = layer.map('Mul', x, [layer.graph.float(layer.number('scale', 1))]);
    return layer.map('Add', scaled, [layer.graph.float(layer.number('offset', 0))]);
  },
};

/** Dropout and noise: only training has them. */
export const identity: LayerKind = { emit: (_layer, [x]) => x };

export const activationLayer: LayerKind = { emit: (layer, [x]) => activated(layer, x) };

export const reluLayer: LayerKind = {
  emit: (layer, [x]) => {
    if (layer.value('maxValue') === undefined) return layer.map('Relu', x);
    return layer.map('Clip', x, [layer.graph.float(0), layer.graph.float(layer.number('maxValue', 0))]);
  },
};

export const leakyRelu: LayerKind = {
  emit: (layer, [x]) => layer.map('LeakyRelu', x, [], { alpha: { float: layer.number('alpha', 0.3) } }),
};

export const eluLayer: LayerKind = { emit: (layer, [x]) => layer.map('Elu', x) };

export const thresholdedRelu: LayerKind = {
  emit: (layer, [x]) => layer.map('ThresholdedRelu', x, [], { alpha: { float: layer.number('theta', 1) } }),
};

export const prelu: LayerKind = {
  weights: () => ['alpha'],
  emit: (layer, [x]) => layer.map('PRelu', x, [layer.weight('alpha')]),
};

export const softmaxLayer: LayerKind = {
  emit: (layer, [x]) => {
    const [axis = -1, ...more] = layer.list('axis', 1);
    if (more.length > 0) layer.refuse('a Softmax over several axes is not exported');
    return layer.map('Softmax', x, [], { axis: { int: axis } });
  },
};
