/** `distill models`: the preset students, and the layers of one of them for data of a given shape. */
import { count, omit } from '@distillery/base';
import {
  byteValues,
  type ChosenPreset,
  choosePreset,
  dataText,
  PresetError,
  type PresetInput,
  type PresetModel,
  presetNames,
  presets,
  presetTopology,
  takesText,
} from '@distillery/presets';
import { readStudentModelUri } from '@distillery/protocol';

import { CliError } from '../shared/cli-error.js';

import { aligned, grouped } from '../shared/columns.js';

export const modelOutputs = ['text', 'json', 'topology'] as const;

export interface ModelsRequest {
  /** `NAME`, `NAME?PARAMETER=VALUE` or a whole preset uri; absent = all presets. */
  readonly preset?: string;
  /** Sizes of one sample; absent = those of the preset's example. */
  readonly input?: readonly number[];
  readonly outputs?: number;
  readonly output: (typeof modelOutputs)[number];
}

/** @returns text for standard output @throws CliError */
export function models(request: ModelsRequest): string {
  const { preset, input, outputs, output } = request;
  if (preset !== undefined) return oneModel(modelOf(preset, input, outputs), output);
  if (output === 'topology' || input !== undefined || outputs !== undefined) {
    throw new CliError('usage', {
      about: 'distill models',
      problem: '--input, --outputs and -o topology are about one preset, and none is named',
      remedy: 'name one, as in distill models cnn-tiny --input 28x28x1',
    });
  }
  if (output === 'json') return json(presetNames.map(describedPreset));
  return [...presetNames.map(presetText), ofEveryPreset].join('\n\n');
}

/** @returns the sizes of a text such as `28x28x1`; undefined for any other text */
export function inputSizes(text: string): readonly number[] | undefined {
  return /^[1-9][0-9]{0,6}(x[1-9][0-9]{0,6}){0,5}$/.test(text) ? text.split('x').map(Number) : undefined;
}

interface OneModel {
  readonly chosen: ChosenPreset;
  readonly input: PresetInput;
  readonly outputs: number;
  readonly model: PresetModel;
}

/** @throws CliError */
function modelOf(text: string, sizes?: readonly number[], given?: number): OneModel {
  const uri = /^preset:/i.test(text) ? text : `preset://${text}`;
  const read = readStudentModelUri(uri);
  if (!read.ok || read.value.scheme !== 'preset') {
    const fault = read.ok ? { clause: 'it is no preset', remedy: 'name a preset' } : read.fault;
    throw new CliError('usage', { about: JSON.stringify(text), problem: fault.clause, remedy: fault.remedy });
  }
  try {
    const chosen = choosePreset(read.value.name, read.value.parameters);
    const { outputs: usual, ...sample } = chosen.preset.example;
    const input = sizes === undefined ? sample : inputOf(chosen, sizes);
    const outputs = given ?? (chosen.values.outputs as number | undefined) ?? usual;
    const { values } = chosen;
    const sized = { ...chosen, values: { ...values, outputs } };
    return { chosen: sized, input, outputs, model: presetTopology(sized, { inputs: { input } }) };
  } catch (error) {
    if (error instanceof PresetError) throw new CliError('badInput', error.fault, { cause: error });
    throw error;
  }
}

function inputOf({ preset: { takes } }: ChosenPreset, shape: readonly number[]): PresetInput {
  if (!takes.includes('bytes')) return { dtype: 'float32', shape };
  return { dtype: 'int32', shape, ...(takes.includes('ids') ? {} : { values: byteValues }) };
}

function oneModel(one: OneModel, output: ModelsRequest['output']): string {
  const { chosen, input, outputs, model } = one;
  const { topology, layers, parameters: weights } = model;
  if (output === 'topology') return json({ format: 'layers-model', modelTopology: topology, weightsManifest: [] });
  if (output === 'json') {
    return json({ preset: chosen.name, parameters: omit(chosen.values, 'outputs'), input, outputs, layers, weights });
  }
  const rows = layers.map(({ name, className, shape, parameters, from }) => [
    name,
    className,
    shape.join(' × '),
    grouped(parameters),
    from.join(', '),
  ]);
  const table = aligned(
    [['layer', 'kind', 'output', 'weights', 'after'], ...rows, ['total', '', '', grouped(weights), '']],
    [3],
  );
  return `${uriOf(chosen)}\n${sizeText(one)}\n\n${table}`;
}

function sizeText({ input, outputs, model }: OneModel): string {
  return `${grouped(model.parameters)} weights for ${dataText({ input })} and ${count(outputs, 'output')}`;
}

/** With every parameter that has a value. */
function uriOf({ name, preset, values }: ChosenPreset): string {
  const texts = Object.entries(preset.parameters).flatMap(([parameter, kind]) => {
    const value = kind.text(values[parameter]);
    return value === '' ? [] : [`${parameter}=${value}`];
  });
  return `preset://${name}?${texts.join('&')}`;
}

const ofEveryPreset =
  'Every preset also takes outputs=N, the number of logits; without it, the data set decides. What each parameter takes is\n' +
  'in docs/models.md and in distill models -o json.';

function presetText(name: (typeof presetNames)[number]): string {
  const { parameters, summary, takes } = presets[name];
  const rows = Object.entries(omit(parameters, 'outputs')).map(([parameter, kind]) => [
    `  ${parameter}`,
    kind.text(kind.fallback),
    kind.meaning,
  ]);
  const head = `${name}: ${summary}\n  takes ${takesText({ takes })}; ${sizeText(modelOf(name))}`;
  return `${head}\n${aligned(rows, [])}`;
}

function describedPreset(name: (typeof presetNames)[number]): object {
  const { parameters, summary, takes } = presets[name];
  const { input, outputs, model } = modelOf(name);
  return {
    name,
    summary,
    takes,
    parameters: Object.entries(parameters).map(([parameter, { fallback, takes: value, meaning }]) => ({
      name: parameter,
      default: fallback ?? null,
      takes: value,
      meaning,
    })),
    example: { input, outputs, weights: model.parameters },
  };
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 1);
}
