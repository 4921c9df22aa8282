/**
 * Keras's MultiHeadAttention over sequences [samples, steps, features]. Called with the query alone (the values are the same),
 * with query and value, or with query, value and key; attention-calls.ts writes the calls of Keras so.
 */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import {
  type Config,
  type Initializer,
  initializerOf,
  refuseExtras,
  refuseFields,
  serialized,
  wholeNumber,
} from './library.js';

type Shapes = tfl.Shape | tfl.Shape[];

/** A dense layer from features to heads, or back. */
interface Projection {
  readonly kernel: tfl.LayerVariable;
  readonly bias: tfl.LayerVariable | null;
}

interface Projections {
  readonly query: Projection;
  readonly key: Projection;
  readonly value: Projection;
  readonly output: Projection;
}

/** What a position gets that may not be seen. */
export const unseen = -1e9;

class MultiHeadAttention extends tfl.layers.Layer {
  static readonly className = 'MultiHeadAttention';
  seed = 1;
  /** Part of the attention that is dropped in training. */
  readonly dropout: number;
  readonly #heads: number;
  readonly #keySize: number;
  readonly #valueSize: number;
  readonly #outputSize: number | null;
  readonly #useBias: boolean;
  readonly #isCausal: boolean;
  readonly #kernel: Initializer;
  readonly #bias: Initializer;
  #projections: Projections | null = null;

  constructor(config: Config) {
    super(config);
    refuseExtras(config);
    refuseFields(config, { attentionAxes: [null, [1], 1], flashAttention: [null, false], useGate: [false, null] });
    this.#heads = wholeNumber(config, 'numHeads', 1);
    this.#keySize = wholeNumber(config, 'keyDim', 1);
    this.#valueSize = wholeNumber(config, 'valueDim', 1, this.#keySize);
    const [size = null] = Array.isArray(config.outputShape)
      ? (config.outputShape as unknown[])
      : [config.outputShape ?? null];
    this.#outputSize = size === null ? null : wholeNumber({ outputShape: size }, 'outputShape', 1);
    this.#useBias = config.useBias !== false;
    this.#isCausal = config.useCausalMask === true;
    const { dropout = 0 } = config;
    if (typeof dropout !== 'number' || !(dropout >= 0 && dropout < 1))
      throw new RangeError('a dropout that is not from 0 to 1');
    this.dropout = dropout;
    this.#kernel = initializerOf(config.kernelInitializer, 'glorotUniform');
    this.#bias = initializerOf(config.biasInitializer, 'zeros');
  }

  override build(shapes: Shapes): void {
    const [query, value, key] = sequencesOf(shapes);
    const size = query[2];
    const projection = (name: string, from: number, into: readonly number[]): Projection => ({
      kernel: this.addWeight(`${name}/kernel`, [from, ...into], 'float32', this.#kernel),
      bias: this.#useBias ? this.addWeight(`${name}/bias`, [...into], 'float32', this.#bias) : null,
    });
    const ofHeads = [this.#heads, this.#valueSize];
    const outputSize = this.#outputSize ?? size;
    this.#projections = {
      query: projection('query', size, [this.#heads, this.#keySize]),
      key: projection('key', key[2], [this.#heads, this.#keySize]),
      value: projection('value', value[2], ofHeads),
      output: {
        kernel: this.addWeight('attention_output/kernel', [...ofHeads, outputSize], 'float32', this.#kernel),
        bias: this.#useBias ? this.addWeight('attention_output/bias', [outputSize], 'float32', this.#bias) : null,
      },
    };
    super.build(shapes);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training }: Record<string, unknown>): tf.Tensor {
    const [query, value = query, key = value] = (Array.isArray(inputs) ? inputs : [inputs]) as tf.Tensor3D[];
    const projections = this.#projections;
    if (query === undefined || value === undefined || key === undefined || projections === null) {
      throw new Error('an attention that is not built');
    }
    return tf.tidy(() => {
      const queries = this.#headsOf(query, projections.query, this.#keySize);
      const keys = this.#headsOf(key, projections.key, this.#keySize);
      const values = this.#headsOf(value, projections.value, this.#valueSize);
      const scores = tf.matMul(tf.mul(queries, 1 / Math.sqrt(this.#keySize)), keys, false, true);
      const weights = tf.softmax(this.#isCausal ? tf.add(scores, pastOnly(query.shape[1], key.shape[1])) : scores);
      const kept =
        training === true && this.dropout > 0 ? tf.dropout(weights, this.dropout, undefined, this.seed) : weights;
      return this.#joined(tf.matMul(kept, values), query, projections.output);
    });
  }

  /** @returns [samples · heads, steps, size] */
  #headsOf(sequence: tf.Tensor3D, { kernel, bias }: Projection, size: number): tf.Tensor3D {
    const [samples, steps, features] = sequence.shape;
    const wide = this.#heads * size;
    const flat = tf.matMul(
      tf.reshape(sequence, [samples * steps, features]),
      tf.reshape(kernel.read(), [features, wide]),
    );
    const biased = bias === null ? flat : tf.add(flat, tf.reshape(bias.read(), [wide]));
    const heads = tf.transpose(tf.reshape(biased, [samples, steps, this.#heads, size]), [0, 2, 1, 3]);
    return tf.reshape(heads, [samples * this.#heads, steps, size]);
  }

  /** @param attended [samples · heads, steps, size] @returns [samples, steps, features] */
  #joined(attended: tf.Tensor3D, query: tf.Tensor3D, { kernel, bias }: Projection): tf.Tensor3D {
    const [samples, steps] = query.shape;
    const wide = this.#heads * this.#valueSize;
    const bySteps = tf.transpose(tf.reshape(attended, [samples, this.#heads, steps, this.#valueSize]), [0, 2, 1, 3]);
    const output = kernel.read();
    const size = output.shape[2] ?? 0;
    const flat = tf.matMul(tf.reshape(bySteps, [samples * steps, wide]), tf.reshape(output, [wide, size]));
    return tf.reshape(bias === null ? flat : tf.add(flat, bias.read()), [samples, steps, size]);
  }

  override computeOutputShape(shapes: Shapes): Shapes {
    const [[batch, steps, size]] = sequencesOf(shapes);
    return [batch, steps, this.#outputSize ?? size];
  }

  override getConfig(): tf.serialization.ConfigDict {
    return {
      ...super.getConfig(),
      numHeads: this.#heads,
      keyDim: this.#keySize,
      valueDim: this.#valueSize,
      outputShape: this.#outputSize,
      dropout: this.dropout,
      useBias: this.#useBias,
      useCausalMask: this.#isCausal,
      kernelInitializer: serialized(this.#kernel),
      biasInitializer: serialized(this.#bias),
    };
  }
}

/** [1, queries, keys]: 0 where a step may see a key, and else what keeps it from that. */
function pastOnly(queries: number, keys: number): tf.Tensor3D {
  const values = Float32Array.from({ length: queries * keys }, (_, at) =>
    at % keys > Math.floor(at / keys) ? unseen : 0,
  );
  return tf.tensor3d(values, [1, queries, keys]);
}

type Sequence = [number | null, number | null, number];

/** Shapes of query, value and key. @throws RangeError for other than sequences of known features */
function sequencesOf(shapes: Shapes): readonly [Sequence, Sequence, Sequence] {
  const all = (Array.isArray(shapes[0]) ? shapes : [shapes]) as tfl.Shape[];
  if (all.length > 3) throw new RangeError(`${String(all.length)} inputs; query, value and key alone`);
  const sequences = all.map((shape): Sequence => {
    const [batch = null, steps = null, features] = shape;
    if (shape.length === 3 && typeof features === 'number') return [batch, steps, features];
    throw new RangeError('other than sequences [steps, features]');
  });
  const [query, value = query, key = value] = sequences;
  if (query === undefined || value === undefined || key === undefined) throw new RangeError('no input');
  if (value[1] !== key[1]) throw new RangeError(`${String(value[1])} values for ${String(key[1])} keys`);
  return [query, value, key];
}

export const attentionClasses = [MultiHeadAttention];
