/** What layers of our own need of tfjs-layers and what it does not publish: its classes, initializers, one input. */
import * as tf from '@tensorflow/tfjs-core';
import * as tfl from '@tensorflow/tfjs-layers';

export type LayerArgs = ConstructorParameters<typeof tfl.layers.Layer>[0];
export type Initializer = ReturnType<typeof tfl.initializers.zeros>;
export type Config = Readonly<Record<string, unknown>> & LayerArgs;

/** Fields of a convolution in tfjs. */
export interface Convolution {
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly dilationRate: number | readonly number[];
  readonly padding: string;
  readonly dataFormat: string;
  readonly filters: number;
  readonly activation: { apply(given: tf.Tensor): tf.Tensor };
  readonly kernel: tfl.LayerVariable | null;
  readonly depthwiseKernel: tfl.LayerVariable | null;
  readonly bias: tfl.LayerVariable | null;
}

type LayerClass = new (config: Config) => tfl.layers.Layer;

/** A class of tfjs that a layer of ours extends. */
export function classOf(className: string): LayerClass {
  const [found] = tf.serialization.SerializationMap.getMap().classNameMap[className] ?? [];
  if (found === undefined) throw new Error(`tfjs-layers has no ${className}`);
  return found as unknown as LayerClass;
}

/**
 * @param given as a config has it: a name, or a class with its config
 * @throws Error of tfjs for one that it has not
 */
export function initializerOf(given: unknown, fallback: string): Initializer {
  // tfjs reads initializers in constructors of layers alone.
  const holder = tfl.layers.dense({ name: 'holder', units: 1, kernelInitializer: (given ?? fallback) as string });
  return (holder as unknown as { readonly kernelInitializer: Initializer }).kernelInitializer;
}

export function serialized(initializer: Initializer): tf.serialization.ConfigDict {
  return { className: initializer.getClassName(), config: initializer.getConfig() };
}

/** The input of a layer that has one. */
export function onlyTensor(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  const [only, ...more] = Array.isArray(inputs) ? inputs : [inputs];
  if (only === undefined || more.length > 0) throw new RangeError('a layer of one input with another number of them');
  return only;
}

/** The shape of the input of a layer that has one, the batch axis first. */
export function onlyShape(shapes: tfl.Shape | tfl.Shape[]): tfl.Shape {
  const [only] = shapes;
  if (!Array.isArray(only)) return shapes as tfl.Shape;
  if (shapes.length > 1) throw new RangeError('a layer of one input with another number of them');
  return only;
}

/** @throws RangeError unless a field is a whole number of at least `least` */
export function wholeNumber(config: Config, field: string, least: number, fallback?: number): number {
  const value = config[field] ?? fallback;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= least) return value;
  throw new RangeError(
    `${field} is ${value === undefined ? 'absent' : JSON.stringify(value)}, no whole number of at least ${String(least)}`,
  );
}

/** @throws RangeError for a field that would change what the layer computes, and that it has not */
export function refuseFields(config: Config, fields: Readonly<Record<string, readonly unknown[]>>): void {
  for (const [field, allowed] of Object.entries(fields)) {
    const value = config[field];
    if (value === undefined || allowed.some((each) => JSON.stringify(each) === JSON.stringify(value))) continue;
    throw new RangeError(`${field} ${JSON.stringify(value)}; it must be ${JSON.stringify(allowed[0])}`);
  }
}

/** Regularizers and constraints, which layers of ours have not. */
export function refuseExtras(config: Config): void {
  const extras = Object.keys(config).filter((key) => /(Regularizer|Constraint)$/.test(key));
  refuseFields(config, Object.fromEntries(extras.map((key) => [key, [null]])));
}
