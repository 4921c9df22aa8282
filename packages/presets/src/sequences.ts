/** Presets for sequences of ids: tokens of a text, bytes of a file. */
import { byteValues, type PresetInput } from './data.js';
import type { Graph, Tensor } from './graph.js';
import {
  activation,
  add,
  concatenate,
  conv1d,
  dense,
  dot,
  dropout,
  embedding,
  layerNormalization,
  pool,
  scale,
} from './layers.js';
import { fraction, optionalSize, size, sizes } from './parameter.js';
import { preset, type Unfit } from './preset.js';

const example = { dtype: 'int32', shape: [64], values: 30_522, outputs: 4 } as const;
const vocabulary = optionalSize(1, 1_000_000, 30_522, 'Number of different ids. Default: what the data set says.');
const width = size(1, 2048, 64, 'Size of the vector of each id.');
const lastDropout = fraction(0, 'Part of the features that is dropped before the logits.');

function unfitVocabulary(given: number | undefined, { values }: PresetInput): Unfit | undefined {
  if (given === undefined && values === undefined) {
    const problem = 'the data set does not say how many different ids it has';
    return { problem, remedy: 'add vocabulary=N, the size of the vocabulary' };
  }
  if (given === undefined || values === undefined || given >= values) return undefined;
  return {
    problem: `vocabulary=${given} is too small, the data has ids up to ${values - 1}`,
    remedy: `leave vocabulary out, or write vocabulary=${values}`,
  };
}

export const textCnn = preset({
  summary: 'Convolutions of several lengths over token vectors, the largest answer of each (Kim 2014).',
  takes: ['ids', 'bytes'],
  parameters: {
    embedding: width,
    filters: size(1, 2048, 64, 'Filters of each length.'),
    kernels: sizes(1, 64, 8, [3, 4, 5], 'Lengths of the convolutions, in tokens.'),
    dropout: lastDropout,
    vocabulary,
  },
  example,
  unfitData: ({ kernels, vocabulary: given }, input) => {
    const [length = 0] = input.shape;
    const longest = Math.max(...kernels);
    if (longest <= length) return unfitVocabulary(given, input);
    const problem = `a convolution over ${longest} tokens is longer than a text of ${length}`;
    return { problem, remedy: `give kernels of at most ${length}` };
  },
  build: (graph, { embedding: size, filters, kernels, dropout: rate, vocabulary: given }, [{ tensor, values }]) => {
    const tokens = embedding(graph, tensor, 'tokens', given ?? values ?? 0, size);
    const answers = kernels.map((kernel, index) => {
      const settings = { filters, kernel, padding: 'valid', activation: 'relu' } as const;
      return pool(graph, conv1d(graph, tokens, `conv${index + 1}`, settings), `max${index + 1}`, 'GlobalMaxPooling1D');
    });
    return dropout(graph, concatenate(graph, answers as [Tensor, ...Tensor[]], 'joined'), 'dropout', rate);
  },
});

/**
 * Self-attention out of layers that every reader of Keras models has: each head is a branch. (tfjs has no multi-head
 * attention, and a layer class of ours would make the exported model unreadable for others.)
 */
function attention(graph: Graph, from: Tensor, name: string, heads: number): Tensor {
  const size = from.shape[1] ?? 0;
  const answers = Array.from({ length: heads }, (_, index) => {
    const head = `${name}_head${index + 1}`;
    const of = (part: string): Tensor => dense(graph, from, `${head}_${part}`, size / heads, { bias: false });
    const scores = dot(graph, of('query'), of('key'), `${head}_scores`, [2, 2]);
    const scaled = scale(graph, scores, `${head}_scaled`, Math.sqrt(heads / size));
    const weights = activation(graph, scaled, `${head}_weights`, 'softmax');
    return dot(graph, weights, of('value'), `${head}_answer`, [2, 1]);
  });
  return dense(graph, concatenate(graph, answers as [Tensor, ...Tensor[]], `${name}_heads`), `${name}_output`, size);
}

export const textTransformerTiny = preset({
  summary: 'A transformer encoder with learned positions; the mean over all tokens gives the answer.',
  takes: ['ids', 'bytes'],
  parameters: {
    embedding: width,
    heads: size(1, 16, 2, 'Attention heads of each layer; they divide the size of a vector among them.'),
    layers: size(1, 12, 2, 'Number of encoder layers.'),
    feedforward: size(1, 8192, 128, 'Units of the hidden layer in each encoder layer.'),
    dropout: fraction(0, 'Part that is dropped after attention and feedforward of each layer.'),
    vocabulary,
  },
  example,
  unfit: ({ embedding: size, heads }) => {
    if (size % heads === 0) return undefined;
    const remedy = `write for example embedding=${heads * Math.ceil(size / heads)}`;
    return { problem: `embedding=${size} cannot be divided among ${heads} heads`, remedy };
  },
  unfitData: ({ vocabulary: given }, input) => unfitVocabulary(given, input),
  build: (graph, values, [{ tensor, values: inData }]) => {
    const { embedding: size, heads, layers, feedforward, dropout: rate, vocabulary: given } = values;
    const tokens = embedding(graph, tensor, 'tokens', given ?? inData ?? 0, size);
    // Its offsets, one for each element of [length, size], are the position embeddings.
    let at = layerNormalization(graph, tokens, 'positions', [1, 2]);
    for (let layer = 1; layer <= layers; layer++) {
      const name = `layer${layer}`;
      const heard = attention(graph, layerNormalization(graph, at, `${name}_norm1`, [2]), name, heads);
      at = add(graph, at, dropout(graph, heard, `${name}_dropout1`, rate), `${name}_sum1`);
      const normal = layerNormalization(graph, at, `${name}_norm2`, [2]);
      const hidden = dense(graph, normal, `${name}_hidden`, feedforward, { activation: 'relu' });
      const answer = dropout(graph, dense(graph, hidden, `${name}_forward`, size), `${name}_dropout2`, rate);
      at = add(graph, at, answer, `${name}_sum2`);
    }
    return pool(graph, layerNormalization(graph, at, 'norm', [2]), 'mean', 'GlobalAveragePooling1D');
  },
});

export const bytesCnn = preset({
  summary: 'Convolutions with strides over the bytes of a file, the largest answer of each filter.',
  takes: ['bytes'],
  parameters: {
    embedding: size(1, 256, 16, 'Size of the vector of each byte.'),
    filters: sizes(1, 2048, 8, [64, 64, 128], 'Filters of each convolution.'),
    kernel: size(1, 64, 8, 'Length of each convolution.'),
    stride: size(1, 16, 4, 'Each convolution shortens the sequence by this factor.'),
    dense: size(0, 8192, 64, 'Units of the dense layer; 0 = none.'),
    dropout: lastDropout,
  },
  example: { dtype: 'int32', shape: [2048], values: byteValues, outputs: 214 },
  build: (graph, { embedding: size, filters, kernel, stride, dense: units, dropout: rate }, [{ tensor }]) => {
    let at = embedding(graph, tensor, 'byte_vectors', byteValues, size);
    filters.forEach((each, index) => {
      at = conv1d(graph, at, `conv${index + 1}`, { filters: each, kernel, stride, activation: 'relu' });
    });
    at = pool(graph, at, 'max', 'GlobalMaxPooling1D');
    if (units > 0) at = dense(graph, at, 'dense', units, { activation: 'relu' });
    return dropout(graph, at, 'dropout', rate);
  },
});
