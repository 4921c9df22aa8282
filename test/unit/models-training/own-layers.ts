/** Students with layers of Keras that tfjs lacks, as Keras 2 writes them. */
import { columns } from './students.js';

type Config = Readonly<Record<string, unknown>>;

/** A layer after the one before it; `from` names others. */
export interface OwnLayer {
  readonly of: string;
  readonly config?: Config;
  readonly name?: string;
  readonly from?: readonly string[];
  /** Of the call: tensors by their layer, and settings. */
  readonly options?: Readonly<Record<string, unknown>>;
}

const image = [6, 6, 4] as const;
const sequence = [5, 4] as const;
const heads = { num_heads: 2, key_dim: 3 };

export const ownLayers: readonly {
  readonly what: string;
  readonly shape: readonly number[];
  readonly layers: readonly OwnLayer[];
}[] = [
  {
    what: 'attention of a sequence to itself',
    shape: sequence,
    layers: [{ of: 'MultiHeadAttention', config: heads, options: { value: 'given' } }],
  },
  {
    what: 'attention to the past alone, with other sizes',
    shape: sequence,
    layers: [
      {
        of: 'MultiHeadAttention',
        config: { ...heads, value_dim: 2, output_shape: 3, use_bias: false },
        options: { value: 'given', key: null, use_causal_mask: true },
      },
    ],
  },
  {
    what: 'attention to another sequence',
    shape: sequence,
    layers: [
      { of: 'Dense', config: { units: 3 }, name: 'first' },
      { of: 'Cropping1D', config: { cropping: [1, 1] }, name: 'fewer', from: ['given'] },
      { of: 'ZeroPadding1D', config: { padding: [2, 0] }, name: 'shifted', from: ['fewer'] },
      {
        of: 'MultiHeadAttention',
        config: heads,
        from: ['first'],
        options: { value: 'shifted', key: 'given' },
      },
    ],
  },
  {
    what: 'a difference',
    shape: sequence,
    layers: [
      { of: 'Dense', config: { units: 4 }, name: 'first' },
      { of: 'Subtract', from: ['given', 'first'] },
    ],
  },
  {
    what: 'groups of channels',
    shape: image,
    layers: [{ of: 'Conv2D', config: { filters: 6, kernel_size: 3, groups: 2 } }],
  },
  {
    what: 'groups of one channel, with strides',
    shape: image,
    layers: [{ of: 'Conv2D', config: { filters: 8, kernel_size: 3, groups: 4, strides: 2, padding: 'same' } }],
  },
  {
    what: 'groups of a sequence',
    shape: sequence,
    layers: [{ of: 'Conv1D', config: { filters: 6, kernel_size: 2, groups: 2, activation: 'tanh' } }],
  },
  {
    what: 'causal and dilated convolutions',
    shape: sequence,
    layers: [
      { of: 'Conv1D', config: { filters: 3, kernel_size: 2, padding: 'causal', dilation_rate: 2 }, name: 'first' },
      { of: 'Conv1D', config: { filters: 3, kernel_size: 2, padding: 'causal', strides: 2 } },
    ],
  },
  {
    what: 'a dilated depthwise convolution',
    shape: image,
    layers: [{ of: 'DepthwiseConv2D', config: { kernel_size: 2, dilation_rate: 2, depth_multiplier: 2 } }],
  },
  {
    what: 'a dilated depthwise convolution that keeps the size',
    shape: image,
    layers: [
      { of: 'DepthwiseConv2D', config: { kernel_size: 3, dilation_rate: [2, 2], padding: 'same', use_bias: false } },
    ],
  },
  {
    what: 'normalization by groups',
    shape: image,
    layers: [
      { of: 'Conv2D', config: { filters: 4, kernel_size: 2 }, name: 'first' },
      { of: 'GroupNormalization', config: { groups: 2, epsilon: 0.01 } },
    ],
  },
  {
    what: 'normalization of each channel',
    shape: image,
    layers: [
      { of: 'Conv2D', config: { filters: 3, kernel_size: 2 }, name: 'first' },
      { of: 'GroupNormalization', config: { groups: -1, center: false } },
    ],
  },
  {
    what: 'normalization to a length and by the root of the squares',
    shape: sequence,
    layers: [
      { of: 'Dense', config: { units: 4 }, name: 'first' },
      { of: 'UnitNormalization', name: 'unit' },
      { of: 'RMSNormalization' },
    ],
  },
  {
    what: 'normalization by given numbers',
    shape: sequence,
    layers: [
      { of: 'Normalization', config: { mean: [0.5, 0, 1, -1], variance: [1, 2, 0.5, 3] }, name: 'first' },
      { of: 'Normalization', config: { axis: null, mean: 0.1, variance: 4, invert: true } },
    ],
  },
  {
    what: 'a longer sequence',
    shape: sequence,
    layers: [
      { of: 'Dense', config: { units: 3 }, name: 'first' },
      { of: 'UpSampling1D', config: { size: 3 }, name: 'longer' },
      { of: 'ZeroPadding1D', config: { padding: 2 }, name: 'padded' },
      { of: 'Cropping1D', config: { cropping: [1, 4] }, name: 'cut' },
      { of: 'Identity' },
    ],
  },
];

/** JSON of the layers between an input and a dense layer of `columns` logits. */
export function studentWith(shape: readonly number[], layers: readonly OwnLayer[]): string {
  const entry = (name: string, of: string, config: Config, nodes: unknown): object => ({
    class_name: of,
    name,
    config: { name, ...config },
    inbound_nodes: nodes,
  });
  let last = 'given';
  const entries = layers.map(({ of, config = {}, name = 'own', from = [last], options }) => {
    const called = Object.entries(options ?? {}).map(([key, value]): readonly [string, unknown] => [
      key,
      typeof value === 'string' ? [value, 0, 0] : value,
    ]);
    last = name;
    const references = from.map((each, at): unknown[] => [each, 0, 0, at === 0 ? Object.fromEntries(called) : {}]);
    return entry(name, of, config, [references]);
  });
  return JSON.stringify({
    class_name: 'Functional',
    config: {
      name: 'student',
      layers: [
        entry('given', 'InputLayer', { batch_input_shape: [null, ...shape], dtype: 'float32' }, []),
        ...entries,
        entry('flat', 'Flatten', {}, [[[last, 0, 0, {}]]]),
        entry('logits', 'Dense', { units: columns }, [[['flat', 0, 0, {}]]]),
      ],
      input_layers: [['given', 0, 0]],
      output_layers: [['logits', 0, 0]],
    },
  });
}
