/** The table of the layers that are exported, by their class in tfjs-layers. A new kind of layer is a new line here. */
import type { LayerKind } from './layer.js';
import * as attention from './layers-attention.js';
import * as convolution from './layers-convolution.js';
import * as core from './layers-core.js';
import * as merge from './layers-merge.js';
import * as normalization from './layers-normalization.js';
import * as recurrent from './layers-recurrent.js';
import * as shape from './layers-shape.js';
import { timeDistributed } from './wrapper.js';

const kinds: Readonly<Record<string, LayerKind>> = {
  Dense: core.dense,
  Embedding: core.embedding,
  Activation: core.activationLayer,
  ReLU: core.reluLayer,
  LeakyReLU: core.leakyRelu,
  PReLU: core.prelu,
  ELU: core.eluLayer,
  ThresholdedReLU: core.thresholdedRelu,
  Softmax: core.softmaxLayer,
  Rescaling: core.rescaling,
  Identity: core.identity,
  Dropout: core.identity,
  SpatialDropout1D: core.identity,
  GaussianNoise: core.identity,
  GaussianDropout: core.identity,
  AlphaDropout: core.identity,
  Conv1D: convolution.convolution(1),
  Conv2D: convolution.convolution(2),
  Conv3D: convolution.convolution(3),
  DepthwiseConv2D: convolution.depthwiseConv2D,
  SeparableConv2D: convolution.separableConv2D,
  Conv2DTranspose: convolution.conv2DTranspose,
  MaxPooling1D: convolution.pooling('MaxPool', 1),
  MaxPooling2D: convolution.pooling('MaxPool', 2),
  MaxPooling3D: convolution.pooling('MaxPool', 3),
  AveragePooling1D: convolution.pooling('AveragePool', 1),
  AveragePooling2D: convolution.pooling('AveragePool', 2),
  AveragePooling3D: convolution.pooling('AveragePool', 3),
  GlobalMaxPooling1D: convolution.globalPooling('ReduceMax', 1),
  GlobalMaxPooling2D: convolution.globalPooling('ReduceMax', 2),
  GlobalAveragePooling1D: convolution.globalPooling('ReduceMean', 1),
  GlobalAveragePooling2D: convolution.globalPooling('ReduceMean', 2),
  BatchNormalization: normalization.batchNormalization,
  LayerNormalization: normalization.layerNormalization,
  Normalization: normalization.normalization,
  GroupNormalization: normalization.groupNormalization,
  UnitNormalization: normalization.unitNormalization,
  RMSNormalization: normalization.rmsNormalization,
  MultiHeadAttention: attention.multiHeadAttention,
  Flatten: shape.flatten,
  Reshape: shape.reshape,
  Permute: shape.permute,
  RepeatVector: shape.repeatVector,
  ZeroPadding1D: shape.zeroPadding1D,
  Cropping1D: shape.cropping1D,
  UpSampling1D: shape.upSampling1D,
  ZeroPadding2D: shape.zeroPadding2D,
  Cropping2D: shape.cropping2D,
  UpSampling2D: shape.upSampling2D,
  Add: merge.merge('Add'),
  Subtract: merge.merge('Sub'),
  Multiply: merge.merge('Mul'),
  Maximum: merge.merge('Max'),
  Minimum: merge.merge('Min'),
  Average: merge.average,
  Concatenate: merge.concatenate,
  Dot: merge.dot,
  SimpleRNN: recurrent.recurrent('SimpleRNN'),
  GRU: recurrent.recurrent('GRU'),
  LSTM: recurrent.recurrent('LSTM'),
  Bidirectional: recurrent.bidirectional,
  TimeDistributed: timeDistributed((className) => kindOf(className)),
};

/** Classes of layers that are exported. */
export const exportedLayers: readonly string[] = Object.keys(kinds);

export function kindOf(className: string): LayerKind | undefined {
  return Object.hasOwn(kinds, className) ? kinds[className] : undefined;
}
