/**
 * Which weight of the model belongs to which layer. The trainer names weights `layer/kind`, and numbers those of layers
 * that share a name (`layer/kind#1`) in the model's order, which is the order of the layers, models inside included.
 */
import { sizeOf } from '../../samples/index.js';
import type { NamedTensor } from '../trainer.js';
import { OnnxExportError, layerNamed } from './errors.js';

/** The weights of one layer, by kind: `kernel`, `bias`. */
export type LayerWeights = ReadonlyMap<string, NamedTensor>;

export class WeightShelf {
  readonly #left: Map<string, NamedTensor>;
  /** Number of layers that took a weight of this name. */
  readonly #taken = new Map<string, number>();

  /** @throws OnnxExportError for two weights of one name */
  constructor(weights: readonly NamedTensor[]) {
    this.#left = new Map(weights.map((weight) => [weight.name, weight]));
    if (this.#left.size < weights.length) throw new OnnxExportError('weights', 'two of them have one name');
  }

  /**
   * Takes the weights of the next layer of this name.
   * @throws OnnxExportError when one is missing, or its shape and numbers differ
   */
  take(layer: string, kinds: readonly string[]): LayerWeights {
    return new Map(kinds.map((kind) => [kind, this.#next(layer, kind)]));
  }

  /** @throws OnnxExportError when a weight is left: its layer would compute without it */
  requireEmpty(): void {
    const [name] = this.#left.keys();
    if (name !== undefined) throw new OnnxExportError(`weight ${name}`, 'no exported layer uses it');
  }

  #next(layer: string, kind: string): NamedTensor {
    const name = `${layer}/${kind}`;
    const earlier = this.#taken.get(name) ?? 0;
    const key = earlier === 0 ? name : `${name}#${String(earlier)}`;
    const weight = this.#left.get(key);
    if (weight === undefined) throw new OnnxExportError(layerNamed(layer), `there is no weight "${kind}" of it`);
    this.#taken.set(name, earlier + 1);
    this.#left.delete(key);
    if (sizeOf(weight.shape) === weight.data.length) return weight;
    throw new OnnxExportError(layerNamed(layer), `the shape of its weight "${kind}" does not fit the numbers`);
  }
}
