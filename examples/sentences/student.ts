/**
 * The student, and the weights that it starts from: it starts as the static model of its own token vectors. Its embedding holds
 * these vectors, their mean goes through a dense layer back into the teacher's space, and convolutions over three tokens begin
 * without a say. So training begins where the static model ends. Pure.
 */
import type { StaticModel } from './static.ts';

export interface StudentShape {
  /** Ids of the student's tokenizer. */
  readonly vocabulary: number;
  /** The first id that the static model has a row for; lower ones start as 0. */
  readonly firstPiece: number;
  readonly maxTokens: number;
  readonly filters: number;
  /** Columns of the teacher's answer. */
  readonly width: number;
}

/** The content of a tfjs layers model. */
export interface StudentFiles {
  /** Without weights: what the job trains. */
  readonly topology: string;
  /** With a manifest of `weights.bin`: what training starts from. */
  readonly start: string;
  readonly weights: Uint8Array;
}

type Layer = Readonly<Record<string, unknown>>;

function layer(className: string, name: string, config: Layer, from: readonly string[]): Layer {
  const nodes = from.length === 0 ? [] : [from.map((each) => [each, 0, 0, {}])];
  return { class_name: className, name, config: { name, trainable: true, ...config }, inbound_nodes: nodes };
}

function topologyOf(shape: StudentShape, size: number): Layer {
  const { vocabulary, maxTokens, filters, width } = shape;
  const convolution = { filters, kernel_size: [3], strides: [1], padding: 'same', activation: 'relu', use_bias: true };
  const layers = [
    layer('InputLayer', 'input', { batch_input_shape: [null, maxTokens], dtype: 'int32', sparse: false }, []),
    layer('Embedding', 'tokens', { input_dim: vocabulary, output_dim: size }, ['input']),
    layer('GlobalAveragePooling1D', 'mean', {}, ['tokens']),
    layer('Conv1D', 'phrases', convolution, ['tokens']),
    layer('GlobalAveragePooling1D', 'phrases_mean', {}, ['phrases']),
    layer('Concatenate', 'joined', { axis: -1 }, ['mean', 'phrases_mean']),
    layer('Dense', 'logits', { units: width, activation: 'linear', use_bias: true }, ['joined']),
  ];
  const ends = { input_layers: [['input', 0, 0]], output_layers: [['logits', 0, 0]] };
  const config = { name: 'sentences', layers, ...ends };
  return { class_name: 'Functional', config, keras_version: '2.15.0', backend: 'tensor_flow.js' };
}

/** @param model of the tokens from `firstPiece` on */
export function studentFiles(model: StaticModel, shape: StudentShape): StudentFiles {
  const { vocabulary, firstPiece, filters, width, maxTokens } = shape;
  const size = model.columns;
  const tokens = new Float32Array(vocabulary * size);
  tokens.set(model.values, firstPiece * size);
  // The mean over all positions instead of a sum: the dense layer gives the length back. Rows of the convolutions stay 0.
  const kernel = new Float32Array((size + filters) * width);
  for (const [row, axis] of model.axes.entries())
    kernel.set(
      axis.map((value) => value * maxTokens),
      row * width,
    );
  const values = [tokens, kernel, new Float32Array(width)];
  const manifest = [
    { name: 'tokens/embeddings', shape: [vocabulary, size], dtype: 'float32' },
    { name: 'logits/kernel', shape: [size + filters, width], dtype: 'float32' },
    { name: 'logits/bias', shape: [width], dtype: 'float32' },
  ];
  const file = (weightsManifest: readonly Layer[]): string =>
    JSON.stringify({ format: 'layers-model', modelTopology: topologyOf(shape, size), weightsManifest });
  return {
    topology: file([]),
    start: file([{ paths: ['weights.bin'], weights: manifest }]),
    weights: Buffer.concat(values.map((part) => new Uint8Array(part.buffer))),
  };
}
