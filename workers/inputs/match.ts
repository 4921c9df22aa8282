/** Which field of the samples feeds which input of a model. Pure. */
import { count } from '@distillery/base';

import type { InputSpecs } from '../samples/index.js';
import { InputError } from './errors.js';
import { type ModelInput, modelInputsText } from './model-input.js';
import type { NamedInputSetting } from './settings.js';
import { roleOf } from './token-plan.js';

export interface Match {
  readonly input: ModelInput;
  /** Name of the field. */
  readonly field: string;
  readonly setting: Omit<NamedInputSetting, 'name'>;
  /** Where the setting is, for messages: "teacher.inputs[0]". */
  readonly from: string;
}

/** What a job says, and who says it. */
export interface InputSettings {
  /** The side whose model it is. */
  readonly side: 'teacher' | 'student';
  /** Where the settings stand, for messages: "teacher.ensemble.members[0]"; absent = the side. */
  readonly path?: string;
  /** One for each input that is named. */
  readonly named: readonly NamedInputSetting[];
  /** `teacher.input`: of the only input. */
  readonly only: Omit<NamedInputSetting, 'name'> | null;
}

/**
 * Takes what the settings name, then equal names, then the only field that is left for the only input that is left; the
 * inputs of a text model, known by their names, share the only text.
 * @param about the model, for messages
 * @throws InputError where that leaves an input without a field, or settings name what is not there
 */
export function matchInputs(
  about: string,
  inputs: readonly ModelInput[],
  fields: InputSpecs,
  { side, path = side, named, only }: InputSettings,
): readonly Match[] {
  checkNames(about, inputs, fields, { path, named });
  const texts = Object.entries(fields).filter(([, { dtype }]) => dtype === 'text');
  const open = inputs.filter(({ name }) => named.find((setting) => setting.name === name)?.field === undefined);
  const taken = new Set(named.map(({ field }) => field));
  const left = Object.keys(fields).filter((name) => !taken.has(name));
  return inputs.map((input) => {
    const at = named.findIndex(({ name }) => name === input.name);
    const given = named[at];
    const setting = given ?? (inputs.length === 1 ? only : null) ?? {};
    const unnamed = inputs.length === 1 && side === 'teacher' ? `${path}.input` : `${path}.inputs[]`;
    const from = given === undefined ? unnamed : `${path}.inputs[${String(at)}]`;
    const [text, anotherText] = texts;
    const isToken = given?.tokens !== undefined || roleOf(input.name) !== undefined;
    const field =
      given?.field ??
      (input.name in fields ? input.name : undefined) ??
      (isToken && anotherText === undefined ? text?.[0] : undefined) ??
      (open.length === 1 && left.length === 1 ? left[0] : undefined) ??
      (inputs.length === 1 && Object.keys(fields).length === 1 ? Object.keys(fields)[0] : undefined);
    if (field === undefined) {
      throw new InputError({
        about,
        problem:
          `it takes ${count(inputs.length, 'input')} (${modelInputsText(inputs)}), the samples have ` +
          `${count(Object.keys(fields).length, 'field')} (${fieldsText(fields)}), and nothing says which field is for ${input.name}`,
        remedy: `name the field of each input in ${path}.inputs`,
      });
    }
    return { input, field, setting, from };
  });
}

function checkNames(
  about: string,
  inputs: readonly ModelInput[],
  fields: InputSpecs,
  { path, named }: { readonly path: string; readonly named: InputSettings['named'] },
): void {
  for (const [at, { name, field }] of named.entries()) {
    const where = `${path}.inputs[${String(at)}]`;
    if (!inputs.some((input) => input.name === name)) {
      throw new InputError({
        about,
        found: `${where}.name ${name}`,
        expected: `an input of the model: ${modelInputsText(inputs)}`,
        remedy: `correct ${where}.name`,
      });
    }
    if (field !== undefined && !(field in fields)) {
      throw new InputError({
        about,
        found: `${where}.field ${field}`,
        expected: `a field of the samples: ${fieldsText(fields)}`,
        remedy: `correct ${where}.field, or add the field to dataset.fields`,
      });
    }
  }
}

function fieldsText(fields: InputSpecs): string {
  return Object.entries(fields)
    .map(([name, { dtype, shape }]) =>
      dtype === 'text' ? `${name}: text` : `${name}: ${shape.join(' × ')} of ${dtype}`,
    )
    .join(', ');
}
