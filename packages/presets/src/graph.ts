/**
 * A model as it grows: each layer is recorded with its config, the shape of its output and the number of its weights, so
 * that the topology and its summary come from one description. What it makes is Keras' functional format, as
 * `tf.loadLayersModel` reads it.
 */

export type Json = Readonly<Record<string, unknown>>;

/** The output of a layer, without the batch axis. */
export interface Tensor {
  readonly layer: string;
  readonly shape: readonly number[];
}

/** One layer for people. */
export interface LayerSummary {
  readonly name: string;
  readonly className: string;
  /** Of one sample. */
  readonly shape: readonly number[];
  /** Weights, trainable and not. */
  readonly parameters: number;
  /** Names of the layers before it. */
  readonly from: readonly string[];
}

interface NewLayer {
  readonly className: string;
  readonly name: string;
  readonly config?: Json;
  readonly from: readonly Tensor[];
  readonly shape: readonly number[];
  readonly parameters?: number;
}

export class Graph {
  readonly #layers: Json[] = [];
  readonly #inputs: string[] = [];
  readonly #summary: LayerSummary[] = [];

  get summary(): readonly LayerSummary[] {
    return this.#summary;
  }

  input(name: string, dtype: string, shape: readonly number[]): Tensor {
    this.#inputs.push(name);
    const config = { batch_input_shape: [null, ...shape], dtype, sparse: false };
    return this.add({ className: 'InputLayer', name, config, from: [], shape });
  }

  add({ className, name, config = {}, from, shape, parameters = 0 }: NewLayer): Tensor {
    const calls = from.length === 0 ? [] : [from.map(({ layer }) => [layer, 0, 0, {}])];
    this.#layers.push({ class_name: className, config: { name, ...config }, name, inbound_nodes: calls });
    this.#summary.push({ name, className, shape, parameters, from: from.map(({ layer }) => layer) });
    return { layer: name, shape };
  }

  /** @param name of the model */
  topology(name: string, output: Tensor): Json {
    return {
      class_name: 'Functional',
      config: {
        name,
        layers: this.#layers,
        input_layers: this.#inputs.map((input) => [input, 0, 0]),
        output_layers: [[output.layer, 0, 0]],
      },
      keras_version: '2.15.0',
      backend: 'tensor_flow.js',
    };
  }
}
