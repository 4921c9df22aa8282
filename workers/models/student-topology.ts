/**
 * Turns a model file into a topology that trains reproducibly: JSON alone, before any tensor exists. Pure.
 *
 * Owns three decisions: the student gives logits (a closing softmax is removed), every initializer has a seed, and
 * layers whose randomness cannot be seeded are refused.
 */
import { isJsonObject, seedOf } from '@distillery/base';

import { attentionClass } from './attention-calls.js';
import { recurrentClasses } from './layer-forms.js';
import { StudentModelError } from './trainer-errors.js';

export type Json = Record<string, unknown>;

/** A value out of the file, short enough for a message. */
function shown(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length <= 60 ? text : `${text.slice(0, 60)}…`;
}

/** Keep the streams apart for equal seeds; the schedule has 1 and 2 (packages/protocol/src/schedule.ts). */
const initialWeights = 3;
export const dropoutMasks = 4;

const randomInitializers = new Set([
  'RandomNormal',
  'RandomUniform',
  'TruncatedNormal',
  'VarianceScaling',
  'Orthogonal',
  'GlorotNormal',
  'GlorotUniform',
  'HeNormal',
  'HeUniform',
  'LeCunNormal',
  'LeCunUniform',
]);

/** Their draws take no seed in tfjs, so a resumed run would differ from an undisturbed one. */
const unseedableLayers = new Set(['RandomWidth', 'RandomHeight']);

/** Layers whose dropout takes seeds (random-layers.ts). */
const seededDropouts: ReadonlySet<string> = new Set([attentionClass, ...recurrentClasses]);

/** A seed that tfjs accepts as one: it takes 0 for "none". */
export function nonZeroSeed(...parts: readonly number[]): number {
  return Math.max(1, seedOf(...parts));
}

/**
 * Reads a `model.json` or a bare topology.
 * @param startsFromWeights whether the job names weights to start from; those beside the file are then no surprise
 * @returns the topology: an object with class_name and config
 * @throws StudentModelError
 */
export function parseTopology(text: string, startsFromWeights = false): Json {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new StudentModelError('file', 'text that is not JSON', 'a tfjs layers model.json', { cause });
  }
  if (!isJsonObject(content)) throw new StudentModelError('file', 'no JSON object', 'a tfjs layers model.json');
  if (content.format !== undefined && content.format !== 'layers-model') {
    throw new StudentModelError('format', shown(content.format), '"layers-model"');
  }
  const manifest = content.weightsManifest;
  if (Array.isArray(manifest) && manifest.length > 0 && !startsFromWeights) {
    throw new StudentModelError('weightsManifest', 'weights', 'a topology alone, since this job starts from the seed', {
      remedy:
        'set spec.student.model.weights.uri to this file to start from its weights, or remove weightsManifest from it',
    });
  }
  const wrapped = content.modelTopology ?? content;
  const topology = isJsonObject(wrapped) && isJsonObject(wrapped.model_config) ? wrapped.model_config : wrapped;
  if (!isJsonObject(topology) || typeof topology.class_name !== 'string' || topology.config === undefined) {
    throw new StudentModelError(
      'modelTopology',
      'no class_name and config',
      'a Keras model as written by model.toJSON()',
    );
  }
  return topology;
}

function layersOf(topology: Json): Json[] {
  const { config } = topology;
  const layers = Array.isArray(config) ? (config as unknown[]) : isJsonObject(config) ? config.layers : undefined;
  if (!Array.isArray(layers) || layers.length === 0) {
    throw new StudentModelError(
      'modelTopology',
      'no layers',
      'a Sequential or functional model with at least one layer',
    );
  }
  return layers.filter(isJsonObject);
}

function configOf(layer: Json): Json {
  const { config } = layer;
  if (!isJsonObject(config)) throw new StudentModelError('layer', 'no config', 'a config object in every layer');
  return config;
}

function nameOf(layer: Json): string {
  const { name = layer.name ?? layer.class_name } = configOf(layer);
  return String(name);
}

/** The layer that gives the model's output. */
function lastLayer(topology: Json): Json {
  const layers = layersOf(topology);
  const { config } = topology;
  const outputs = isJsonObject(config) ? config.output_layers : undefined;
  if (!Array.isArray(outputs)) return layers.at(-1) ?? {};
  const [output] = outputs as unknown[];
  const named: unknown = Array.isArray(output) ? output[0] : output;
  const found = layers.find((layer) => layer.name === named || nameOf(layer) === named);
  if (outputs.length !== 1 || found === undefined) {
    throw new StudentModelError('output_layers', shown(outputs), 'exactly one output');
  }
  return found;
}

/**
 * Makes the model end in logits, in place.
 * @returns what was changed, for people; undefined when nothing was
 * @throws StudentModelError when it ends in another activation
 */
export function endInLogits(topology: Json): string | undefined {
  const last = lastLayer(topology);
  const className = String(last.class_name);
  if (className === 'Sequential' || className === 'Model' || className === 'Functional') return endInLogits(last);
  const config = configOf(last);
  const where = `layer ${nameOf(last)}`;
  if (className === 'Softmax') {
    last.class_name = 'Activation';
    last.config = { name: nameOf(last), trainable: true, activation: 'linear' };
    return `${where}: its softmax was taken off, the loss is computed from logits`;
  }
  const activation = config.activation ?? 'linear';
  if (activation === 'linear') return undefined;
  if (activation !== 'softmax') {
    throw new StudentModelError(where, `activation ${shown(activation)}`, 'logits: a linear last layer');
  }
  config.activation = 'linear';
  return `${where}: its softmax was taken off, the loss is computed from logits`;
}

/**
 * Gives every random initializer without a seed one that depends on `seed` and its number in the model, in place. The
 * topology must be complete (as from model.toJSON()): an initializer that is not written down cannot be seeded.
 */
export function seedInitializers(topology: Json, seed: number): void {
  let nth = 0;
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isJsonObject(value)) return;
    const { config } = value;
    if (isJsonObject(config) && randomInitializers.has(String(value.class_name))) {
      if (typeof config.seed !== 'number' || config.seed === 0) config.seed = nonZeroSeed(initialWeights, seed, nth);
      nth++;
    }
    Object.values(value).forEach(visit);
  };
  visit(topology);
}

/** @throws StudentModelError naming the first layer whose random draws cannot be repeated */
export function refuseUnseedableLayers(topology: Json): void {
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit);
    if (!isJsonObject(value)) return;
    const { config } = value;
    const className = String(value.class_name);
    if (isJsonObject(config)) {
      const expected = 'randomness that a seed repeats (Dropout): a resumed run must equal an undisturbed one';
      const where = `layer ${String(config.name)}`;
      if (unseedableLayers.has(className)) throw new StudentModelError(where, className, expected);
      for (const field of seededDropouts.has(className) ? [] : ['dropout', 'recurrent_dropout']) {
        if (Number(config[field] ?? 0) > 0) throw new StudentModelError(where, `${className} with ${field}`, expected);
      }
    }
    Object.values(value).forEach(visit);
  };
  visit(topology);
}
