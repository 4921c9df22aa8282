/** Makes the model of a preset for the data of a job. Pure. */
import { alternatives } from '@distillery/base';

import type { ChosenPreset } from './choose.js';
import { type DataKind, dataText, kindOf, type PresetData } from './data.js';
import { PresetError } from './fault.js';
import { Graph, type Json, type LayerSummary } from './graph.js';
import { dense, sizeOf } from './layers.js';
import type { ModelInput, Preset } from './preset.js';
import { presetNames, presets } from './table.js';

/** A model that nothing has trained yet. */
export interface PresetModel {
  /** Keras' functional format, as `tf.loadLayersModel` reads it as modelTopology. */
  readonly topology: Json;
  /** In the order of the topology. */
  readonly layers: readonly LayerSummary[];
  /** Weights of all layers, trainable and not. */
  readonly parameters: number;
}

/** What the trainer can hold, as workers/models/topology-shapes.ts checks it of every model. */
const maxOutputSize = 2 ** 27;
const maxWeights = 2 ** 28;

const kindNames: Readonly<Record<DataKind, string>> = {
  images: 'images',
  numbers: 'numbers',
  ids: 'token ids',
  bytes: 'bytes',
  other: 'other data',
};

/** What a preset takes, for people. */
export function takesText({ takes }: Pick<Preset, 'takes'>): string {
  return alternatives(takes.map((kind) => kindNames[kind]));
}

/** @throws PresetError when the preset cannot take the data, or the model is too large */
export function presetTopology(chosen: ChosenPreset, data: PresetData): PresetModel {
  const { name, preset, values } = chosen;
  const outputs = (values.outputs as number | undefined) ?? data.outputs;
  requireData(chosen, data);
  if (outputs === undefined || outputs < 1) {
    const problem = 'the data set does not say how many classes it has';
    throw new PresetError({
      about: `preset ${name}`,
      problem,
      remedy: "add outputs=N, the number of the teacher's logits",
    });
  }
  const graph = new Graph();
  const inputs = Object.entries(data.inputs).map(([input, spec]): ModelInput => {
    const unfit = preset.unfitData?.(values, spec);
    if (unfit !== undefined) throw new PresetError({ about: `preset ${name}`, ...unfit });
    return { ...spec, tensor: graph.input(input, spec.dtype, spec.shape) };
  });
  const features = preset.build(graph, values, inputs as [ModelInput, ...ModelInput[]]);
  const logits = dense(graph, features, 'logits', outputs);
  const { summary } = graph;
  requireDistinct(name, data, summary);
  requireSmall(name, summary);
  return { topology: graph.topology(name.replaceAll('-', '_'), logits), layers: summary, parameters: totalOf(summary) };
}

function totalOf(layers: readonly LayerSummary[]): number {
  return layers.reduce((sum, { parameters }) => sum + parameters, 0);
}

function requireData(chosen: ChosenPreset, { inputs }: PresetData): void {
  const { name, preset } = chosen;
  const all = Object.values(inputs);
  const isTaken = (other: ChosenPreset['preset']): boolean =>
    all.length > 0 &&
    (all.length === 1 || other.severalInputs === true) &&
    all.every((input) => other.takes.includes(kindOf(input)));
  if (isTaken(preset)) return;
  const fitting = presetNames.filter((other) => isTaken(presets[other]));
  throw new PresetError({
    about: `preset ${name}`,
    problem: `it takes ${takesText(preset)}; the data has ${dataText(inputs)}`,
    remedy: fitting.length === 0 ? 'give the student a model file instead' : `use ${alternatives(fitting)}`,
  });
}

/** A model knows its layers and inputs by name. */
function requireDistinct(name: string, { inputs }: PresetData, layers: readonly LayerSummary[]): void {
  const taken = layers.slice(Object.keys(inputs).length).find((layer) => Object.hasOwn(inputs, layer.name));
  if (taken === undefined) return;
  const problem = `the data has an input ${JSON.stringify(taken.name)}, a name that a layer of the preset has`;
  throw new PresetError({ about: `preset ${name}`, problem, remedy: 'rename the input' });
}

function requireSmall(name: string, layers: readonly LayerSummary[]): void {
  const wide = layers.find(({ shape }) => sizeOf(shape) > maxOutputSize);
  if (wide !== undefined) {
    throw new PresetError({
      about: `preset ${name}, layer ${wide.name}`,
      found: `an output of ${wide.shape.join(' × ')} numbers for one sample`,
      expected: `at most ${maxOutputSize}`,
      remedy: 'choose smaller parameters or smaller samples',
    });
  }
  const total = totalOf(layers);
  if (total > maxWeights) {
    throw new PresetError({
      about: `preset ${name}`,
      found: `${total} weights in all layers`,
      expected: `at most ${maxWeights}`,
      remedy: 'choose smaller parameters',
    });
  }
}
