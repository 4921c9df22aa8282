/**
 * Topologies that Keras 3 writes, in the form of Keras 2, which tfjs reads. JSON alone, before any tensor exists. Pure.
 *
 * Invariant: what tfjs would ignore or compute in another way is refused by its name, never passed through.
 */
import { isJsonObject } from '@distillery/base';

import { attentionCall, attentionClass, withCausality } from './attention-calls.js';
import { type Field, fieldsOf, type Translated, translatedClasses } from './keras3-layers.js';
import { checkDepth, type Json, shown, TopologyError } from './topology.js';

const containers = ['Sequential', 'Functional', 'Model'];

/**
 * The topology as tfjs reads it: the same object where it has not the form of Keras 3.
 * @param topology an object with class_name and config
 * @throws TopologyError naming the layer and what of it tfjs has not
 */
export function asKeras2(topology: Json): Json {
  checkDepth(topology);
  return isOfKeras3(topology) ? translated(topology) : topology;
}

/** By what converters leave of it: they remove `module` and `registered_name`. */
function isOfKeras3(topology: Json): boolean {
  let level: unknown[] = [topology];
  while (level.length > 0) {
    if (level.some(isSign)) return true;
    level = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
  return false;
}

function isSign(value: unknown): boolean {
  return (
    isJsonObject(value) &&
    (value.class_name === 'DTypePolicy' || value.class_name === '__keras_tensor__' || Array.isArray(value.batch_shape))
  );
}

function translated(entry: Json): Json {
  const className = String(entry.class_name);
  const config = isJsonObject(entry.config) ? entry.config : {};
  const where = whereOf(entry);
  refuseForeign(entry, where);
  if (!containers.includes(className)) return { ...layerOf(entry, where) };
  const layers = (Array.isArray(config.layers) ? (config.layers as unknown[]) : []).filter(isJsonObject);
  const name = config.name ?? entry.name;
  const common = {
    ...(name === undefined ? {} : { name }),
    ...(config.trainable === false ? { trainable: false } : {}),
  };
  if (className === 'Sequential') {
    return { class_name: className, config: { ...common, layers: sequentialLayers(layers, config) } };
  }
  const inner = new Set(layers.filter((layer) => containers.includes(String(layer.class_name))).map(nameOf));
  return {
    class_name: className,
    config: {
      ...common,
      layers: layers.map((layer) => calledLayer(layer, inner)),
      input_layers: endsOf(config.input_layers, inner),
      output_layers: endsOf(config.output_layers, inner),
    },
  };
}

function calledLayer(layer: Json, inner: ReadonlySet<string>): Json {
  const { config, ...entry } = translated(layer);
  const name = nameOf(layer);
  if (layer.class_name !== attentionClass) return { ...entry, config, name, inbound_nodes: callsOf(layer, inner) };
  const where = whereOf(layer);
  const calls = nodesOf(layer)
    .filter(isJsonObject)
    .map((node) => {
      const { args, kwargs } = node;
      const given = Array.isArray(args) ? (args as unknown[]) : [];
      const isSame = (one: unknown, other: unknown): boolean =>
        referenceOf(one, where, inner).join() === referenceOf(other, where, inner).join();
      return attentionCall(where, { given, options: isJsonObject(kwargs) ? kwargs : {} }, isSame);
    });
  // Calls that a converter has translated already stay as they are, in the form of Keras 2.
  if (calls.length < nodesOf(layer).length) return { ...entry, config, name, inbound_nodes: nodesOf(layer) };
  return {
    ...entry,
    config: withCausality(isJsonObject(config) ? config : {}, calls, where),
    name,
    inbound_nodes: calls.map(({ tensors }) => tensors.map((tensor) => [...referenceOf(tensor, where, inner), {}])),
  };
}

function nodesOf(layer: Json): readonly unknown[] {
  return Array.isArray(layer.inbound_nodes) ? (layer.inbound_nodes as unknown[]) : [];
}

/** A Sequential model without an input layer states its shape once, for the whole model. */
function sequentialLayers(layers: readonly Json[], { build_input_shape: shape }: Json): readonly Json[] {
  return layers.map((layer, at) => {
    const entry = translated(layer);
    const isPlain = entry.class_name !== 'InputLayer' && !containers.includes(String(entry.class_name));
    if (at > 0 || !isPlain || !Array.isArray(shape) || !isJsonObject(entry.config)) return entry;
    return { ...entry, config: { batch_input_shape: shape, ...entry.config } };
  });
}

function layerOf(entry: Json, where: string): Translated & { readonly class_name: string } {
  const className = String(entry.class_name);
  const translator = Object.hasOwn(translatedClasses, className) ? translatedClasses[className] : undefined;
  const field: Field = (value, key) => (isInnerLayer(value, key) ? translated(value) : value);
  const config = fieldsOf(isJsonObject(entry.config) ? entry.config : {}, where, field);
  return { class_name: className, config, ...translator?.(config, where, inputShape(entry)) };
}

/** Of a layer with one call on one tensor. */
function inputShape({ inbound_nodes: nodes }: Json): unknown {
  const [node, ...more] = Array.isArray(nodes) ? (nodes as unknown[]) : [];
  const [tensor] = isJsonObject(node) && Array.isArray(node.args) ? (node.args as unknown[]) : [];
  if (more.length > 0 || !isJsonObject(tensor) || !isJsonObject(tensor.config)) return undefined;
  return tensor.config.shape;
}

function isInnerLayer(value: unknown, key: string): value is Json {
  return isJsonObject(value) && ['layer', 'cell'].includes(key);
}

/** @throws TopologyError for a class that is not of Keras itself, and for an operator between layers */
function refuseForeign({ class_name, module, registered_name }: Json, where: string): void {
  const className = shown(String(class_name));
  const isOwn = typeof module !== 'string' && typeof registered_name === 'string' && !containers.includes(className);
  if (!isOwn && (typeof module !== 'string' || /^keras(\.layers|\.models|\.src\.(layers|models)\b.*)?$/.test(module)))
    return;
  if (typeof module === 'string' && module.startsWith('keras.') && module.includes('.ops')) {
    const found = `the operator ${className}, which is no layer`;
    throw new TopologyError(where, found, 'layers alone', 'write it as a layer, such as Rescaling, Add or Multiply');
  }
  const name = typeof registered_name === 'string' ? shown(registered_name) : className;
  const remedy = 'build the model of Keras layers alone, or use it as a teacher in ONNX';
  throw new TopologyError(where, `the custom layer ${name}`, 'layers of Keras', remedy);
}

/** The calls of a layer: `[[["layer", call, output, {}], …], …]`. */
function callsOf(layer: Json, inner: ReadonlySet<string>): readonly unknown[] {
  const where = whereOf(layer);
  return nodesOf(layer).map((node) => {
    // Calls that a converter has translated already.
    if (!isJsonObject(node)) return node;
    const args = Array.isArray(node.args) ? (node.args as unknown[]) : [];
    const options = isJsonObject(node.kwargs) ? node.kwargs : {};
    // Whether it trains is known at each call, and masks are passed on by the layers.
    const given = Object.entries(options).find(
      ([key, value]) => value !== null && value !== undefined && key !== 'training',
    );
    const [inputs, ...more] = args;
    if (given !== undefined || more.length > 0 || inputs === undefined) {
      const found =
        given === undefined ? `a call with ${String(args.length)} arguments` : `a call with ${shown(given[0])}`;
      throw new TopologyError(where, found, 'calls on one tensor or one list of tensors', rewrite);
    }
    const tensors = Array.isArray(inputs) ? (inputs as unknown[]) : [inputs];
    return tensors.map((tensor) => [...referenceOf(tensor, where, inner), {}]);
  });
}

const rewrite = 'build the model of layers that take tensors alone';

function referenceOf(tensor: unknown, where: string, inner: ReadonlySet<string>): readonly unknown[] {
  const history = isJsonObject(tensor) && isJsonObject(tensor.config) ? tensor.config.keras_history : undefined;
  if (!Array.isArray(history)) {
    const found = `a call on ${librarySafe(tensor)}`;
    throw new TopologyError(where, found, 'calls on outputs of layers', rewrite);
  }
  return counted(history as unknown[], inner);
}

function librarySafe(value: unknown): string {
  return typeof value === 'number' ? String(value) : 'a value that is no tensor';
}

/** In tfjs a model within a model has made a call of its own, when it was built. */
function counted([layer, call, output]: readonly unknown[], inner: ReadonlySet<string>): readonly unknown[] {
  return [layer, inner.has(String(layer)) ? Number(call) + 1 : call, output];
}

/** `["layer", 0, 0]`, a list of such, or an object of them, as a list. */
function endsOf(ends: unknown, inner: ReadonlySet<string>): unknown {
  if (isJsonObject(ends)) return Object.values(ends).flatMap((end) => endsOf(end, inner) as unknown[]);
  if (!Array.isArray(ends)) return ends;
  const list = ends as unknown[];
  return typeof list[0] === 'string' ? [counted(list, inner)] : list.flatMap((end) => endsOf(end, inner) as unknown[]);
}

function nameOf(layer: Json): string {
  const config = isJsonObject(layer.config) ? layer.config : {};
  return String(layer.name ?? config.name ?? layer.class_name);
}

function whereOf(layer: Json): string {
  return `layer ${shown(nameOf(layer))}`;
}
