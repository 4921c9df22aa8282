/** What the export of one layer has at hand: its config, its weights and the graph that it adds to. */
import { sizeOf } from '../../samples/index.js';
import type { Json } from '../topology.js';
import { layerNamed, OnnxExportError } from './errors.js';
import type { Graph, Operand, Value } from './graph.js';
import type { Attribute } from './model.js';
import { inOrder, pieces } from './rearrange.js';
import type { LayerWeights } from './weights.js';

/** How layers of one class become nodes. */
export interface LayerKind {
  /** Kinds of the layer's weights, as tfjs names them; absent = none. */
  readonly weights?: (layer: LayerConfig) => readonly string[];
  /** @throws OnnxExportError when ONNX has nothing for what the config asks */
  readonly emit: (layer: ExportedLayer, inputs: readonly [Value, ...Value[]]) => Value;
}

/** The config of a layer in camel case, with the defaults of tfjs. */
export class LayerConfig {
  readonly #config: Json;

  constructor(
    readonly layer: string,
    config: Json,
  ) {
    this.#config = config;
  }

  value(key: string): unknown {
    return this.#config[key] ?? undefined;
  }

  number(key: string, fallback: number): number {
    const value = this.value(key) ?? fallback;
    return typeof value === 'number' && Number.isFinite(value) ? value : this.refuse(`its ${key} is no number`);
  }

  flag(key: string, fallback: boolean): boolean {
    return (this.value(key) ?? fallback) === true;
  }

  text(key: string, fallback: string): string {
    const value = this.value(key) ?? fallback;
    return typeof value === 'string' ? value : this.refuse(`its ${key} is no text`);
  }

  /** A list of whole numbers; a single number stands for all of them. */
  numbers(key: string, length: number, fallback: number | readonly number[]): readonly number[] {
    const value = this.value(key) ?? fallback;
    const list: unknown = typeof value === 'number' ? Array.from({ length }, () => value) : value;
    return isNumbers(list) && list.length === length ? list : this.refuse(`its ${key} is no list of numbers`);
  }

  /** One number or a list of any length. */
  list(key: string, fallback: number | readonly number[]): readonly number[] {
    const value = this.value(key) ?? fallback;
    const list: unknown = typeof value === 'number' ? [value] : value;
    return isNumbers(list) ? list : this.refuse(`its ${key} is no list of numbers`);
  }

  get isChannelsFirst(): boolean {
    return this.value('dataFormat') === 'channelsFirst';
  }

  /** The layer of the same name with the config of what it wraps. */
  sameWith(config: Json): LayerConfig {
    return new LayerConfig(this.layer, config);
  }

  /** @throws OnnxExportError always */
  refuse(problem: string): never {
    throw new OnnxExportError(layerNamed(this.layer), problem);
  }
}

function isNumbers(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((each) => typeof each === 'number' && Number.isSafeInteger(each));
}

/** A layer with its weights; every call of it adds nodes that read the same constants. */
export class ExportedLayer extends LayerConfig {
  readonly #added = new Map<string, string>();
  #inner: ExportedLayer | undefined;

  constructor(
    layer: string,
    config: Json,
    readonly weights: LayerWeights,
    readonly graph: Graph,
  ) {
    super(layer, config);
  }

  /** The layer that this one wraps; the weights are its own. */
  inner(config: Json): ExportedLayer {
    this.#inner ??= new ExportedLayer(this.layer, config, this.weights, this.graph);
    return this.#inner;
  }

  /** Adds a node whose output has this shape, without the batch axis. */
  op(
    operator: string,
    operands: readonly Operand[],
    shape: readonly number[],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    return { name: this.graph.node(this.layer, operator, operands, attributes), type: 'float32', shape };
  }

  /** Adds a node whose output has the shape of its first operand. */
  map(
    operator: string,
    value: Value,
    more: readonly Operand[] = [],
    attributes: Readonly<Record<string, Attribute>> = {},
  ): Value {
    return this.op(operator, [value, ...more], value.shape, attributes);
  }

  reshape(value: Value, shape: readonly number[]): Value {
    if (value.shape.join() === shape.join()) return value;
    const name = this.graph.node(this.layer, 'Reshape', [value, this.graph.ints([-1, ...shape])]);
    return { name, type: value.type, shape };
  }

  /** @param order of the axes without the batch axis, which stays first: [2, 0, 1] brings channels to the front */
  transpose(value: Value, order: readonly number[]): Value {
    if (order.every((axis, at) => axis === at)) return value;
    const perm = { ints: [0, ...order.map((axis) => axis + 1)] };
    return this.op(
      'Transpose',
      [value],
      order.map((axis) => value.shape[axis] ?? 0),
      { perm },
    );
  }

  /** @returns whether the layer has this weight */
  has(kind: string): boolean {
    return this.weights.has(kind);
  }

  /**
   * A weight as a constant of the graph.
   * @param order of its axes; absent = as they are
   * @param shape of the constant, with as many numbers; absent = that of the weight in this order
   */
  weight(kind: string, order?: readonly number[], shape?: readonly number[]): string {
    const { shape: own } = this.tensor(kind);
    const ordered = order === undefined ? own : order.map((axis) => own[axis] ?? 0);
    return this.constant(kind, shape ?? ordered, (data) =>
      order === undefined ? [data] : pieces(data, inOrder(own, order)),
    );
  }

  /** A constant that is computed from a weight when the file is written. */
  constant(kind: string, shape: readonly number[], values: (data: Float32Array) => Iterable<Float32Array>): string {
    const key = `${kind} ${shape.join()}`;
    const known = this.#added.get(key);
    if (known !== undefined) return known;
    const { data } = this.tensor(kind);
    if (data.length !== sizeOf(shape)) this.refuse(`its weight "${kind}" has another size than the layer needs`);
    const name = this.graph.weight(`${this.layer}/${kind}`, shape, () => values(data));
    this.#added.set(key, name);
    return name;
  }

  /** A constant of equal numbers. */
  filled(name: string, shape: readonly number[], value: number): string {
    const known =
      this.#added.get(name) ??
      this.graph.weight(`${this.layer}/${name}`, shape, () => [new Float32Array(sizeOf(shape)).fill(value)]);
    this.#added.set(name, known);
    return known;
  }

  tensor(kind: string): { readonly shape: readonly number[]; readonly data: Float32Array } {
    return this.weights.get(kind) ?? this.refuse(`there is no weight "${kind}" of it`);
  }
}
