/**
 * Follows the shape of one sample through every layer of a checked topology, by each layer's own rules in tfjs and
 * without a weight in memory. Finds what tfjs accepts silently or crashes on in a kernel: outputs and weights of size 0, and
 * sizes beyond any memory.
 */
import { serialization } from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

import { isJsonObject } from '@distillery/base';
import { librarySentence } from '../base/index.js';
import './own-layers/index.js';
import { type Container, isContainer, type Json, type Layer, shown, TopologyError } from './topology.js';

/** With the batch axis first; null = any size. */
type Shape = readonly (number | null)[];
type Outputs = readonly Shape[];

/** Numbers in one output for one sample: 512 MiB. */
const maxOutputSize = 2 ** 27;
/** Numbers in all weights: 1 GiB. The wasm runtime has 4 GiB, and training holds each weight up to four times. */
const maxWeights = 2 ** 28;

/**
 * @param containers inner ones first, as `containersOf` gives them
 * @throws TopologyError naming the first layer that gives nothing, needs too much, or cannot be built
 */
export function checkShapes(containers: readonly Container[]): void {
  const models = new Map<unknown, Outputs>();
  const tally = new Tally();
  for (const container of containers) {
    const found =
      container.kind === 'sequential'
        ? sequentialOutputs(container, models, tally)
        : functionalOutputs(container, models, tally);
    models.set(container.content, found);
  }
}

/** Counts the weights of all layers. */
class Tally {
  #weights = 0;

  add(where: string, name: string, shape: readonly number[]): void {
    const size = shape.reduce((product, axis) => product * axis, 1);
    if (!shape.every((axis) => Number.isSafeInteger(axis) && axis > 0)) {
      const found = `a weight ${shown(name)} of shape ${shapeText(shape)}`;
      throw new TopologyError(where, found, oneAtLeast, remedyFor(shape));
    }
    this.#weights += size;
    if (this.#weights > maxWeights) {
      throw new TopologyError(
        where,
        `weights of more than ${String(maxWeights)} numbers in all layers up to here`,
        'a model that fits into memory',
        'make its layers smaller',
      );
    }
  }
}

const oneAtLeast = 'whole numbers of at least 1 along each axis';

function remedyFor(shape: readonly unknown[]): string {
  const isShrunk = shape.some((axis) => Number.isInteger(axis) && Number(axis) <= 0);
  if (isShrunk) return 'take away pooling or strides before it, or use larger samples';
  return 'correct the sizes in its config';
}

function sequentialOutputs({ name, layers }: Container, models: ReadonlyMap<unknown, Outputs>, tally: Tally): Outputs {
  const [first] = layers;
  const declared = first === undefined ? undefined : declaredShape(first);
  let shapes: Outputs;
  if (declared !== undefined) shapes = [declared];
  else if (first !== undefined && isContainer(first.className)) shapes = models.get(first.content) ?? [];
  else {
    const where = `model ${name}, layer ${shown(first?.name ?? '')}`;
    throw new TopologyError(where, 'no batch_input_shape', 'the shape of the input in the first layer', stateShape);
  }
  for (const [at, layer] of layers.entries()) {
    if (layer.className === 'InputLayer') continue;
    if (isContainer(layer.className)) shapes = models.get(layer.content) ?? [];
    else shapes = new CheckedLayer(layer, tally).call(at === 0 && declared !== undefined ? [declared] : shapes);
  }
  return shapes;
}

const stateShape = 'state it there, as [null, height, width, channels]';

function functionalOutputs(
  container: Extract<Container, { kind: 'functional' }>,
  models: ReadonlyMap<unknown, Outputs>,
  tally: Tally,
): Outputs {
  /** Outputs of each call of each layer. */
  const made = new Map<string, Outputs[]>();
  const checked = new Map<string, CheckedLayer>();
  for (const layer of container.layers) {
    const own: Outputs[] = [];
    if (layer.className === 'InputLayer') {
      const declared = declaredShape(layer);
      if (declared === undefined) {
        throw new TopologyError(
          `layer ${shown(layer.name)}`,
          'no batch_input_shape',
          'the shape of the input',
          stateShape,
        );
      }
      own.push([declared]);
    } else if (isContainer(layer.className)) own.push(models.get(layer.content) ?? []);
    else checked.set(layer.name, new CheckedLayer(layer, tally));
    made.set(layer.name, own);
  }
  const shapeOf = ({ layer, node, tensor }: { layer: string; node: number; tensor: number }): Shape => {
    const shape = made.get(layer)?.[node]?.[tensor];
    if (shape !== undefined) return shape;
    const found = `output ${String(tensor)} of layer "${shown(layer)}"`;
    throw new TopologyError(`model ${container.name}`, found, 'an output that the layer has', 'export the model again');
  };
  for (const { layer, inputs } of container.calls) {
    const shapes = inputs.map(shapeOf);
    made.get(layer.name)?.push(checked.get(layer.name)?.call(shapes) ?? models.get(layer.content) ?? []);
  }
  return container.outputs.map(shapeOf);
}

function declaredShape({ className, name, config }: Layer): Shape | undefined {
  const { batchInputShape, inputShape } = config;
  const shape: unknown =
    batchInputShape ?? (Array.isArray(inputShape) ? [null, ...(inputShape as unknown[])] : undefined);
  if (shape === undefined || shape === null) return undefined;
  const where = `layer ${shown(name)}`;
  if (!Array.isArray(shape)) {
    throw new TopologyError(
      where,
      `a batch_input_shape of ${className} that is no list`,
      'a list of sizes',
      stateShape,
    );
  }
  return checkedShape(shape, where, 'an input');
}

/** @throws TopologyError when an axis is no size, or one sample is too large */
function checkedShape(shape: readonly unknown[], where: string, what: string): Shape {
  const [batch = null, ...axes] = shape;
  const sizes = axes.map((axis) => {
    if (axis === null || (typeof axis === 'number' && Number.isSafeInteger(axis) && axis > 0)) return axis;
    throw new TopologyError(where, `${what} of shape ${shapeText(shape)}`, oneAtLeast, remedyFor(shape));
  });
  const size = sizes.reduce<number>((product, axis) => product * (axis ?? 1), 1);
  if (size > maxOutputSize) {
    const expected = `at most ${String(maxOutputSize)} numbers for one sample`;
    throw new TopologyError(where, `${what} of shape ${shapeText(shape)}`, expected, 'make the layer smaller');
  }
  return [typeof batch === 'number' ? batch : null, ...sizes];
}

/** The batch axis is "N"; at most 8 axes. */
function shapeText(shape: readonly unknown[]): string {
  const axes = shape.map((axis, at) => (typeof axis === 'number' ? String(axis) : at === 0 ? 'N' : '?'));
  return `[${axes.slice(0, 8).join(', ')}${axes.length > 8 ? ', …' : ''}]`;
}

/** One layer, built as tfjs builds it, except that its weights are only counted. */
class CheckedLayer {
  readonly #where: string;
  readonly #layer: tfl.layers.Layer;
  readonly #tally: Tally;
  #built = false;

  constructor(layer: Layer, tally: Tally) {
    this.#where = `layer ${shown(layer.name)}`;
    this.#tally = tally;
    this.#layer = instanceOf(layer, this.#where);
  }

  /** @returns the shapes that the layer gives for inputs of these shapes */
  call(inputs: Outputs): Outputs {
    const [only, ...more] = inputs;
    const given = (only !== undefined && more.length === 0 ? only : inputs) as tfl.Shape | tfl.Shape[];
    let outputs: unknown;
    try {
      if (!this.#built) {
        countWeights(this.#layer, (name, shape) => this.#tally.add(this.#where, name, shape));
        this.#layer.build(given);
        this.#built = true;
      }
      outputs = this.#layer.computeOutputShape(given);
    } catch (cause) {
      if (cause instanceof TopologyError) throw cause;
      throw this.#notTaken(inputs, ` (${librarySentence(cause)})`, cause);
    }
    const list = outputs as readonly unknown[];
    const shapes = list.length > 0 && list.every(Array.isArray) ? (list as readonly unknown[][]) : [list];
    // What tfjs answers when it looks for an axis that the input does not have.
    if (shapes.flat().some((axis) => axis === undefined || Number.isNaN(axis))) throw this.#notTaken(inputs, '');
    return shapes.map((shape) => checkedShape(shape, this.#where, 'an output'));
  }

  #notTaken(inputs: Outputs, why: string, cause?: unknown): TopologyError {
    const found = `an input of shape ${inputs.map(shapeText).join(' and ')}${why}`;
    const remedy = 'correct the layer or what comes before it';
    return new TopologyError(this.#where, found, 'an input that the layer takes', remedy, { cause });
  }
}

function instanceOf({ name, className, config }: Layer, where: string): tfl.layers.Layer {
  const known: unknown = Reflect.get(serialization.SerializationMap.getMap().classNameMap, className);
  const entry = Object.hasOwn(serialization.SerializationMap.getMap().classNameMap, className) ? known : undefined;
  const [layerClass, fromConfig] = (entry ?? []) as Partial<Registered>;
  if (layerClass === undefined || fromConfig === undefined || !(layerClass.prototype instanceof tfl.layers.Layer)) {
    const found = `a layer of the unknown class "${shown(className)}"`;
    throw new TopologyError(where, found, 'layers that tfjs-layers can build', remedyForClass(className));
  }
  try {
    // With a name: tfjs counts the layers without one, and later weights are named by that count.
    return fromConfig(layerClass, named(structuredClone(config), name) as serialization.ConfigDict);
  } catch (cause) {
    if (cause instanceof RangeError) {
      // One of our own, whose sentence says what is not computed.
      const expected = `a ${shown(className)} that is computed here`;
      throw new TopologyError(where, librarySentence(cause), expected, useOnnx, { cause });
    }
    const found = `a config that tfjs refuses (${librarySentence(cause)})`;
    throw new TopologyError(where, found, `that of a ${shown(className)}`, 'export the model again', { cause });
  }
}

/** For layers of Keras that people use and tfjs lacks. */
function remedyForClass(className: string): string {
  if (className.startsWith('Random'))
    return 'take it off; training.augment changes the pictures of teacher and student alike';
  if (['Lambda', 'TFOpLambda', 'SlicingOpLambda'].includes(className)) return 'write it as layers of Keras';
  return useOnnx;
}

const useOnnx = 'use another layer; a teacher may be a model in ONNX instead';

type Registered = [
  { readonly prototype: object },
  (layerClass: { readonly prototype: object }, config: serialization.ConfigDict) => tfl.layers.Layer,
];

/** A config with a name for the layer and for those that it wraps. */
function named(config: Json, name: string): Json {
  const wrapped = ['layer', 'cell', 'forwardLayer', 'backwardLayer'].flatMap((key) => {
    const inner = config[key];
    return isJsonObject(inner) && isJsonObject(inner.config)
      ? [[key, { ...inner, config: named(inner.config, name) }]]
      : [];
  });
  return { name, ...config, ...(Object.fromEntries(wrapped) as Json) };
}

/** Makes the layer, and those inside it, count weights instead of making them. */
function countWeights(layer: object, add: (name: string, shape: readonly number[]) => void): void {
  const inner = layer as Record<string, unknown>;
  inner.addWeight = (name: string, shape: readonly number[]) => {
    add(name, shape);
    return { name, shape };
  };
  const { cell, cells, layer: wrapped, forwardLayer, backwardLayer } = inner;
  for (const part of [
    cell,
    wrapped,
    forwardLayer,
    backwardLayer,
    ...(Array.isArray(cells) ? (cells as unknown[]) : []),
  ]) {
    if (part instanceof tfl.layers.Layer && !(part instanceof tfl.LayersModel)) countWeights(part, add);
  }
}
