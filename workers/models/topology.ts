/**
 * Checks the topology of a tfjs layers model before tfjs reads it. tfjs builds a functional model in passes over the
 * layers whose inputs exist; wrong or circular references keep it in these passes without end. Pure.
 *
 * Invariants of what passes:
 *  topology/P1 It is nested at most `maxDepth` deep, so that recursive readers do not run out of stack.
 *  topology/P2 In every container, every reference names a call of a layer that can be made from the calls before it.
 */
import { DistilleryError, isJsonObject } from '@distillery/base';

import { librarySentence } from '../base/index.js';

export type Json = Readonly<Record<string, unknown>>;

/** What is wrong with a topology, in the words of the student's and the teacher's own errors. */
export class TopologyError extends DistilleryError {
  override readonly name = 'TopologyError';
  readonly kind = 'Topology';
  readonly retry = 'Never';

  constructor(
    /** The layer or the field. */
    readonly where: string,
    readonly found: string,
    readonly expected: string,
    readonly remedy: string,
    options?: ErrorOptions,
  ) {
    super({ about: where, found, expected, remedy }, options);
  }
}

/** A call of a layer on outputs of earlier calls. */
export interface LayerCall {
  readonly layer: Layer;
  readonly inputs: readonly Reference[];
}

export interface Layer {
  readonly name: string;
  readonly className: string;
  /** As tfjs reads it: keys and values in camel case. */
  readonly config: Json;
  /** What a container inside is known by: the `content` of that container. */
  readonly content: unknown;
}

/** An output of a call. */
export interface Reference {
  readonly layer: string;
  readonly node: number;
  readonly tensor: number;
}

/** A model, or a model inside one. `content` is its config, as an object of its own. */
export type Container =
  | {
      readonly kind: 'sequential';
      readonly name: string;
      readonly content: unknown;
      readonly layers: readonly Layer[];
    }
  | {
      readonly kind: 'functional';
      readonly name: string;
      readonly content: unknown;
      readonly layers: readonly Layer[];
      /** In an order in which each call finds its inputs. */
      readonly calls: readonly LayerCall[];
      readonly inputs: readonly Reference[];
      readonly outputs: readonly Reference[];
    };

const maxDepth = 100;
const maxLayers = 10_000;
const reexport = 'export the model again';
const nestOnceMore = 'put the references into one more pair of brackets, or save the model with TensorFlow.js';
const reexportAsKeras2 =
  'export the model with TensorFlow.js or Keras 2 (TF_USE_LEGACY_KERAS=1), whose format tfjs reads';

/**
 * Every container of the topology, inner ones first, the model itself last.
 * @param topology an object with class_name and config
 * @throws TopologyError
 */
export function containersOf(topology: Json): readonly Container[] {
  checkDepth(topology);
  const found: Container[] = [];
  const count = { layers: 0 };
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isJsonObject(value)) return;
    Object.values(value).forEach(visit);
    const { className, config } = value;
    if (typeof className === 'string' && isContainer(className) && config !== undefined) {
      found.push(containerOf(className, config, count));
    }
  };
  visit(asTfjsReads(topology, undefined));
  if (found.length === 0) {
    const className = librarySentence(String(topology.class_name));
    throw new TopologyError('modelTopology', `a model of class "${className}"`, 'Sequential or Functional', reexport);
  }
  return found;
}

export function isContainer(className: string): boolean {
  return ['Sequential', 'Functional', 'Model'].includes(className);
}

/**
 * Walks level by level, since recursion would run out of stack on what this refuses.
 * @throws TopologyError
 */
export function checkDepth(topology: Json): void {
  let level: unknown[] = [topology];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) {
      throw new TopologyError('modelTopology', 'JSON nested too deep', `at most ${maxDepth} levels`, reexport);
    }
    level = level.flatMap((value): unknown[] =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
}

const listsOfNames = ['inboundNodes', 'inputLayers', 'outputLayers'];

/**
 * The topology as tfjs converts it before it reads it: keys and texts in camel case, names as they are. The check must see
 * what tfjs reads.
 */
function asTfjsReads(value: unknown, key: string | undefined): unknown {
  if (typeof value === 'string') return camelCase(value);
  if (Array.isArray(value)) {
    const names = key !== undefined && listsOfNames.includes(key);
    return value.map((item: unknown, at) =>
      names && at === 0 && typeof item === 'string' ? item : asTfjsReads(item, key),
    );
  }
  if (!isJsonObject(value)) return value;
  const read: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(value)) {
    if (name === '__proto__') {
      throw new TopologyError('modelTopology', 'a key "__proto__"', 'keys that Keras writes', reexport);
    }
    if (name === 'name' && typeof inner === 'string') read[name] = inner;
    else read[camelCase(name)] = asTfjsReads(inner, camelCase(name));
  }
  return read;
}

function camelCase(text: string): string {
  if (text.length <= 1 || !text.includes('_')) return text;
  return text.replace(/[_]+(\w|$)/g, (_match, letter: string) => letter.toUpperCase());
}

function containerOf(className: string, config: unknown, count: { layers: number }): Container {
  const listed = Array.isArray(config) ? (config as unknown[]) : isJsonObject(config) ? config.layers : undefined;
  const name = isJsonObject(config) && typeof config.name === 'string' ? shown(config.name) : className;
  const where = `model ${name}`;
  if (!Array.isArray(listed) || listed.length === 0) {
    throw new TopologyError(where, 'no layers', 'at least one layer', reexport);
  }
  count.layers += listed.length;
  if (count.layers > maxLayers) {
    throw new TopologyError(where, `more than ${maxLayers} layers`, `at most ${maxLayers}`, 'take a smaller model');
  }
  const entries = listed.map((entry: unknown, at) => layerOf(entry, `${where}, layer ${String(at + 1)}`));
  const layers = entries.map(({ layer }) => layer);
  if (className === 'Sequential') return { kind: 'sequential', name, content: config, layers };
  checkNames(where, entries);
  const waiting = entries.flatMap(({ layer, entry }) => callsOf(layer, entry));
  const made = new Map(layers.map((layer) => [layer.name, madeByItself(layer)]));
  const calls = inOrder(waiting, made);
  const { inputLayers, outputLayers } = config as Json;
  const inputs = referencesOf(inputLayers, `${where}, input_layers`, '[["layer", 0, 0]]');
  const outputs = referencesOf(outputLayers, `${where}, output_layers`, '[["layer", 0, 0]]');
  for (const { layer, node } of [...inputs, ...outputs]) {
    if (node < (made.get(layer) ?? 0)) continue;
    const found = `call ${node} of layer "${shown(layer)}" as an input or output`;
    throw new TopologyError(where, found, 'a call that the model makes', reexport);
  }
  return { kind: 'functional', name, content: config, layers, calls, inputs, outputs };
}

function layerOf(entry: unknown, where: string): { readonly layer: Layer; readonly entry: Json } {
  if (!isJsonObject(entry) || typeof entry.className !== 'string' || entry.config === undefined) {
    throw new TopologyError(where, 'no class_name and config', 'both in every layer', reexport);
  }
  const { className } = entry;
  // A Sequential model of older writers has its layers as config.
  const config = isJsonObject(entry.config) ? entry.config : {};
  if (!isJsonObject(entry.config) && !isContainer(className)) {
    throw new TopologyError(where, 'a config that is not an object', 'an object', reexport);
  }
  const name = entry.name ?? config.name ?? className;
  if (typeof name !== 'string') throw new TopologyError(where, 'a name that is not a text', 'a text', reexport);
  return { layer: { name, className, config, content: entry.config }, entry };
}

function checkNames(where: string, entries: readonly { readonly layer: Layer; readonly entry: Json }[]): void {
  const taken = new Set<string>();
  for (const { layer, entry } of entries) {
    const { name, config } = layer;
    const named = `${where}, layer ${shown(name)}`;
    // tfjs keeps layers in plain objects, under the name of the entry in one and of the config in the other.
    if (entry.name !== name || (config.name !== undefined && config.name !== name) || name in {}) {
      const expected = 'one name, the same in the entry and in its config';
      throw new TopologyError(named, 'a missing, reserved or ambiguous name', expected, reexport);
    }
    if (taken.has(name)) throw new TopologyError(named, 'its name twice', 'a name of its own', reexport);
    taken.add(name);
  }
}

function callsOf(layer: Layer, { inboundNodes }: Json): LayerCall[] {
  const where = `layer ${shown(layer.name)}, inbound_nodes`;
  if (!Array.isArray(inboundNodes)) throw new TopologyError(where, 'no list', 'a list', reexport);
  return inboundNodes
    .map((node: unknown) => ({ layer, inputs: referencesOf(node, where, '[[["layer", 0, 0, {}]]]') }))
    .filter(({ inputs }) => inputs.length > 0);
}

function referencesOf(list: unknown, where: string, example: string): Reference[] {
  if (isJsonObject(list) || !Array.isArray(list)) {
    throw new TopologyError(where, 'the format of Keras 3', `lists of references: ${example}`, reexportAsKeras2);
  }
  return list.map((reference: unknown): Reference => {
    if (!Array.isArray(reference)) {
      const found = 'references that are not in a list of their own';
      throw new TopologyError(where, found, `nested lists: ${example}`, nestOnceMore);
    }
    const [layer, node, tensor] = reference as unknown[];
    if (typeof layer !== 'string' || !isIndex(node) || !isIndex(tensor)) {
      const found = 'a reference that is no layer, call and output';
      throw new TopologyError(where, found, `references of this form: ${example}`, reexport);
    }
    return { layer, node, tensor };
  });
}

function isIndex(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;
}

/** Calls that exist without being listed: those of inputs, and the one call that a model inside made when it was built. */
function madeByItself({ className }: Layer): number {
  return className === 'InputLayer' || isContainer(className) ? 1 : 0;
}

/**
 * Makes the calls as tfjs does: in passes over those whose inputs exist, until none is left.
 * @param made number of calls of each layer; counted on
 * @throws TopologyError when a pass makes none
 */
function inOrder(all: readonly LayerCall[], made: Map<string, number>): LayerCall[] {
  const calls: LayerCall[] = [];
  let waiting = all;
  while (waiting.length > 0) {
    const left = waiting.filter((call) => {
      if (call.inputs.some(({ layer, node }) => node >= (made.get(layer) ?? 0))) return true;
      made.set(call.layer.name, (made.get(call.layer.name) ?? 0) + 1);
      calls.push(call);
      return false;
    });
    if (left.length === waiting.length) throw neverMade(left, made);
    waiting = left;
  }
  return calls;
}

function neverMade(left: readonly LayerCall[], made: ReadonlyMap<string, number>): TopologyError {
  const missing = left
    .flatMap(({ layer, inputs }) => inputs.map((input) => ({ layer: layer.name, input })))
    .find(({ input }) => !made.has(input.layer));
  if (missing !== undefined) {
    const where = `layer ${shown(missing.layer)}, inbound_nodes`;
    return new TopologyError(where, `a layer "${shown(missing.input.layer)}"`, 'a layer of this model', reexport);
  }
  const names = [...new Set(left.map(({ layer }) => shown(layer.name)))];
  const found = `inputs of ${names.slice(0, 5).join(', ')}${names.length > 5 ? ', …' : ''} that are never made`;
  return new TopologyError('inbound_nodes', found, 'references without a circle to calls that are made', reexport);
}

/** A name out of the file, safe to print. */
export function shown(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}"]/gu, ' ').slice(0, 60);
}
