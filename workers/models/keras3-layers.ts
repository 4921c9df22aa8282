/**
 * The configs of Keras 3's layers in the form of Keras 2: fields that all layers have, and classes whose fields have other names
 * or meanings. Pure.
 */
import { isJsonObject, omit } from '@distillery/base';

import { type Json, shown, TopologyError } from './topology.js';

/** Translates a value that is a layer itself; returns all others as they are. */
export type Field = (value: unknown, key: string) => unknown;

/** A layer in the form of Keras 2; its class where it is another. */
export interface Translated {
  readonly class_name?: string;
  readonly config: Json;
}

/**
 * @param config with the fields of `fieldsOf`
 * @param input shape of the layer's only input, where the file has it
 * @returns what differs from the class and the config as they are
 */
type ClassTranslator = (config: Json, where: string, input: unknown) => Translated;

/** Of Keras 3 alone, without a meaning for the model's answers. */
const dropped = new Set([
  'dtype',
  'ragged',
  'optional',
  'synchronized',
  'renorm_clipping',
  'renorm_momentum',
  'zero_output_for_mask',
  'quantization_config',
  'build_input_shape',
  'backward_layer',
]);

/** Fields that tfjs ignores, with the values at which that is right. */
const onlyAt: Readonly<Record<string, readonly unknown[]>> = {
  groups: [1],
  renorm: [false],
  rms_scaling: [false],
  output_padding: [null],
  lora_rank: [null],
  keepdims: [false, null],
  data_format: ['channels_last', null],
};

/** tfjs computes others in another way, or not at all. */
const activations: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['linear', 'relu', 'relu6', 'elu', 'selu', 'sigmoid', 'softplus', 'softsign', 'tanh', 'softmax', 'log_softmax'].map(
      (name) => [name, name],
    ),
  ),
  gelu: 'gelu',
  mish: 'mish',
  silu: 'swish',
  swish: 'swish',
};

/** Classes whose names or fields differ, other than of layers. */
const parts: Readonly<Record<string, (config: Json) => { readonly class_name: string; readonly config: Json }>> = {
  L1: ({ l1 }) => ({ class_name: 'L1L2', config: { l1, l2: 0 } }),
  L2: ({ l2 }) => ({ class_name: 'L1L2', config: { l1: 0, l2 } }),
  LecunNormal: (config) => ({ class_name: 'LeCunNormal', config }),
  LecunUniform: (config) => ({ class_name: 'LeCunUniform', config }),
};

const useOnnx = 'use another layer, or the model as a teacher in ONNX';

/** The fields of a layer that have the same meaning in every class. @throws TopologyError for a value that tfjs has not */
export function fieldsOf(config: Json, where: string, field: Field): Json {
  const fields: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    checkPolicy(key, value, where);
    if (dropped.has(key) && !(key === 'dtype' && 'batch_shape' in config)) continue;
    if (key === 'batch_shape') fields.batch_input_shape = value;
    else if (key.endsWith('activation')) fields[key] = activationOf(value, where);
    else if (/(initializer|regularizer|constraint)$/.test(key)) fields[key] = partOf(value, where);
    else fields[key] = field(value, key);
  }
  return fields;
}

/** Numbers of half the size are computed as float32: the weights are float32 in any case. */
function checkPolicy(key: string, value: unknown, where: string): void {
  if (key !== 'dtype' || !isJsonObject(value) || !isJsonObject(value.config)) return;
  const { name } = value.config;
  if (['float32', 'mixed_float16', 'mixed_bfloat16'].includes(String(name))) return;
  throw new TopologyError(where, `the type ${shown(String(name))}`, 'float32', 'build the model with float32');
}

function activationOf(value: unknown, where: string): unknown {
  if (value === null) return null;
  const name = typeof value === 'string' ? value : nameOf(value);
  const known = Object.hasOwn(activations, name) ? activations[name] : undefined;
  if (known !== undefined) return known;
  const found = `the activation ${shown(name)}`;
  throw new TopologyError(where, found, `one of ${Object.keys(activations).join(', ')}`, useOnnx);
}

function nameOf(value: unknown): string {
  if (!isJsonObject(value)) return 'that is no text';
  return String(
    isJsonObject(value.config) ? (value.config.name ?? value.class_name) : (value.config ?? value.class_name),
  );
}

/** An initializer, regularizer or constraint. */
function partOf(value: unknown, where: string): unknown {
  if (!isJsonObject(value)) return value;
  const className = String(value.class_name);
  if (typeof value.module === 'string' && !value.module.startsWith('keras.')) {
    throw new TopologyError(where, `the custom ${shown(className)}`, 'those of Keras', 'use one that Keras has');
  }
  const config = omit(isJsonObject(value.config) ? value.config : {}, 'input_axes', 'output_axes');
  const part = Object.hasOwn(parts, className) ? parts[className] : undefined;
  return part?.(config) ?? { class_name: className, config };
}

/** Refuses fields that tfjs would ignore. */
function checked(config: Json, where: string): Json {
  for (const [key, allowed] of Object.entries(onlyAt)) {
    if (!(key in config) || allowed.includes(config[key])) continue;
    const found = `${key} ${shown(JSON.stringify(config[key]))}`;
    throw new TopologyError(where, found, `${key} ${JSON.stringify(allowed[0])}`, useOnnx);
  }
  return config;
}

/** Pooling of the whole picture that keeps its two axes, where their size is known: with a window of that size. */
const pooling =
  (className: string): ClassTranslator =>
  (config, where, input) => {
    const { keepdims, ...rest } = config;
    const [, height, width, ...more] = Array.isArray(input) ? (input as unknown[]) : [];
    const isKnown = typeof height === 'number' && typeof width === 'number' && more.length === 1;
    if (keepdims !== true || !isKnown) return { config: checked(config, where) };
    const size = [height, width];
    const window = { pool_size: size, strides: size, padding: 'valid' };
    return { class_name: className, config: { ...checked(rest, where), ...window } };
  };

const rectifier: ClassTranslator = (config, where) => {
  const { negative_slope: slope = 0, threshold = 0, max_value: most = null, ...rest } = config;
  if (threshold === 0 && slope === 0) return { config: { ...rest, ...(most === null ? {} : { max_value: most }) } };
  if (threshold === 0 && most === null) return { class_name: 'LeakyReLU', config: { ...rest, alpha: slope } };
  throw new TopologyError(where, 'a ReLU with negative_slope or threshold', 'a ReLU with max_value alone', useOnnx);
};

const leaky: ClassTranslator = ({ negative_slope: alpha, ...config }) => ({
  config: { ...config, ...(alpha === undefined ? {} : { alpha }) },
});

/** tfjs puts `forward_` before the layer's name, as Keras has done already. */
const bidirectional: ClassTranslator = (config) => {
  const { layer } = config;
  if (!isJsonObject(layer) || !isJsonObject(layer.config) || typeof layer.config.name !== 'string') return { config };
  const name = layer.config.name.replace(/^forward_/, '');
  return { config: { ...config, layer: { ...layer, config: { ...layer.config, name } } } };
};

const plain: ClassTranslator = (config, where) => ({ config: checked(config, where) });

/** With groups of channels (own-layers/convolutions.ts). */
const grouped: ClassTranslator = (config, where) => {
  const { groups = 1 } = config;
  return { config: { ...checked(omit(config, 'groups'), where), ...(groups === 1 ? {} : { groups }) } };
};

/** Layers whose configs differ, or have fields that tfjs ignores. */
export const translatedClasses: Readonly<Record<string, ClassTranslator>> = {
  ...Object.fromEntries(
    [
      'Conv3D',
      'Conv2DTranspose',
      'Conv3DTranspose',
      'DepthwiseConv2D',
      'SeparableConv2D',
      'BatchNormalization',
      'LayerNormalization',
      'Dense',
      'Embedding',
      'GlobalAveragePooling1D',
      'GlobalMaxPooling1D',
      'MaxPooling1D',
      'MaxPooling2D',
      'AveragePooling1D',
      'AveragePooling2D',
      'Flatten',
      'UpSampling2D',
      'ZeroPadding2D',
      'Cropping2D',
    ].map((className) => [className, plain]),
  ),
  Conv1D: grouped,
  Conv2D: grouped,
  GlobalAveragePooling2D: pooling('AveragePooling2D'),
  GlobalMaxPooling2D: pooling('MaxPooling2D'),
  ReLU: rectifier,
  LeakyReLU: leaky,
  Bidirectional: bidirectional,
};
