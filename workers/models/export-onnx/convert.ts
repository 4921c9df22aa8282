/**
 * Walks a model of tfjs layers and adds the nodes of its layers to a graph: Sequential and functional models, and models
 * inside models.
 */
import type { NamedTensor } from '../trainer.js';
import { type Container, containersOf, isContainer, type Json, type Layer, type Reference } from '../topology.js';
import { layerNamed, OnnxExportError } from './errors.js';
import { Graph, type Value } from './graph.js';
import { kindOf } from './kinds.js';
import { ExportedLayer, LayerConfig, type LayerKind } from './layer.js';
import type { GraphEnd, OnnxModel } from './model.js';
import { WeightShelf } from './weights.js';

/** Name of the output. */
export const outputName = 'logits';

/**
 * @param topology of the model, as tfjs writes it @param weights all of the model, as the trainer names them
 * @throws OnnxExportError naming the layer that has no ONNX form; TopologyError
 */
export function convert(
  topology: Json,
  weights: readonly NamedTensor[],
  { name, metadata }: Pick<OnnxModel, 'name' | 'metadata'>,
): OnnxModel {
  const containers = containersOf(topology);
  const root = containers.at(-1);
  if (root === undefined) throw new OnnxExportError('model', 'it has no layers');
  const graph = new Graph();
  graph.name(outputName);
  const converter = new Converter(containers, weights, graph);
  const inputs = converter.inputs(root);
  const [output, ...more] = converter.call(root, inputs);
  if (output === undefined || more.length > 0) throw new OnnxExportError('model', 'it has several outputs');
  const nodes = graph.nodesWith(output, outputName);
  const { initializers } = graph;
  return { name, nodes, initializers, inputs, outputs: [{ ...output, name: outputName }], metadata };
}

class Converter {
  readonly #containers: ReadonlyMap<unknown, Container>;
  readonly #graph: Graph;
  readonly #layers = new Map<Layer, { readonly kind: LayerKind; readonly exported: ExportedLayer }>();

  constructor(containers: readonly Container[], weights: readonly NamedTensor[], graph: Graph) {
    this.#containers = new Map(containers.map((container) => [container.content, container]));
    this.#graph = graph;
    const shelf = new WeightShelf(weights);
    const root = containers.at(-1);
    if (root !== undefined) this.#open(root, shelf);
    shelf.requireEmpty();
  }

  /** Gives every layer its weights, in the model's order. */
  #open(container: Container, shelf: WeightShelf): void {
    for (const layer of container.layers) {
      if (layer.className === 'InputLayer') continue;
      if (isContainer(layer.className)) {
        this.#open(this.#inside(layer), shelf);
        continue;
      }
      const kind = kindOf(layer.className);
      if (kind === undefined) {
        throw new OnnxExportError(layerNamed(layer.name), `${layer.className} is not exported to ONNX`);
      }
      const kinds = kind.weights?.(new LayerConfig(layer.name, layer.config)) ?? [];
      const exported = new ExportedLayer(layer.name, layer.config, shelf.take(layer.name, kinds), this.#graph);
      this.#layers.set(layer, { kind, exported });
    }
  }

  #inside(layer: Layer): Container {
    const container = this.#containers.get(layer.content);
    if (container === undefined) throw new OnnxExportError(layerNamed(layer.name), 'the model inside is not there');
    return container;
  }

  /** The inputs of the whole model, by the names that tfjs gives them. */
  inputs(container: Container): readonly (Value & GraphEnd)[] {
    if (container.kind === 'functional') {
      return container.inputs.map(({ layer }) => {
        const found = container.layers.find(({ name }) => name === layer);
        if (found === undefined) throw new OnnxExportError(layerNamed(layer), 'this input is not there');
        return inputOf(found, layer, this.#graph);
      });
    }
    const [first] = container.layers;
    if (first === undefined) throw new OnnxExportError('model', 'it has no layers');
    if (isContainer(first.className)) return this.inputs(this.#inside(first));
    return [inputOf(first, first.className === 'InputLayer' ? first.name : `${first.name}_input`, this.#graph)];
  }

  /** @returns the outputs of a model for these inputs */
  call(container: Container, inputs: readonly Value[]): readonly Value[] {
    if (container.kind === 'sequential') {
      return container.layers.reduce((values, layer) => this.#callLayer(layer, values), inputs);
    }
    const made = new Map<string, (readonly Value[])[]>();
    container.inputs.forEach(({ layer }, at) => made.set(layer, [inputs.slice(at, at + 1)]));
    for (const layer of container.layers) {
      if (layer.className === 'InputLayer') continue;
      // A model inside has a first call of its own, on its own inputs, which nothing here may read.
      made.set(layer.name, isContainer(layer.className) ? [[]] : []);
    }
    const valueOf = ({ layer, node, tensor }: Reference): Value => {
      const value = made.get(layer)?.[node]?.[tensor];
      if (value === undefined)
        throw new OnnxExportError(layerNamed(layer), 'a value of it is used that it does not give');
      return value;
    };
    for (const { layer, inputs: references } of container.calls) {
      made.get(layer.name)?.push(this.#callLayer(layer, references.map(valueOf)));
    }
    return container.outputs.map(valueOf);
  }

  #callLayer(layer: Layer, inputs: readonly Value[]): readonly Value[] {
    if (layer.className === 'InputLayer') return inputs;
    if (isContainer(layer.className)) return this.call(this.#inside(layer), inputs);
    const found = this.#layers.get(layer);
    const [first, ...rest] = inputs;
    if (found === undefined || first === undefined)
      throw new OnnxExportError(layerNamed(layer.name), 'it has no input');
    return [found.kind.emit(found.exported, [first, ...rest])];
  }
}

function inputOf({ name, config }: Layer, wish: string, graph: Graph): Value {
  const { batchInputShape, dtype } = config;
  const shape: unknown[] = Array.isArray(batchInputShape) ? batchInputShape.slice(1) : [null];
  if (!shape.every((size) => typeof size === 'number')) {
    throw new OnnxExportError(layerNamed(name), 'an input whose sizes are not all known is not exported');
  }
  if (dtype === 'float32' || dtype === 'int32' || dtype === undefined || dtype === null) {
    return { name: graph.name(wish), type: dtype ?? 'float32', shape };
  }
  throw new OnnxExportError(layerNamed(name), 'an input of another type than float32 and int32 is not exported');
}
