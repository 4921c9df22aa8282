/** Reads what a job asks for: the name of a preset and the texts of its parameters. Pure. */
import { alternatives, nearest, printable } from '@distillery/base';

import { PresetError } from './fault.js';
import type { Preset } from './preset.js';
import { type PresetName, presetNames, presets } from './table.js';

/** A preset with all of its parameters. */
export interface ChosenPreset {
  readonly name: PresetName;
  readonly preset: Preset;
  /** Checked, with defaults. */
  readonly values: Readonly<Record<string, unknown>>;
}

/**
 * @param given names and texts of parameters, as the uri has them
 * @throws PresetError
 */
export function choosePreset(name: string, given: readonly (readonly [string, string])[]): ChosenPreset {
  const known = presetNames.find((each) => each === name);
  if (known === undefined) {
    const meant = nearest(name, presetNames);
    const remedy = meant === undefined ? `use ${alternatives(presetNames)}` : `write ${meant}`;
    throw new PresetError({ about: `preset ${shown(name)}`, problem: 'there is no such preset', remedy });
  }
  const preset: Preset = presets[known];
  const values: Record<string, unknown> = Object.fromEntries(
    Object.entries(preset.parameters).map(([parameter, { fallback }]) => [parameter, fallback]),
  );
  given.forEach(([parameter, text], at) => {
    if (given.findIndex(([earlier]) => earlier === parameter) < at) {
      const problem = `the parameter ${shown(parameter)} is given twice`;
      throw new PresetError({ about: `preset ${known}`, problem, remedy: 'remove one of the two' });
    }
    values[parameter] = valueOf(known, preset, parameter, text);
  });
  const unfit = preset.unfit?.(values);
  if (unfit !== undefined) throw new PresetError({ about: `preset ${known}`, ...unfit });
  return { name: known, preset, values };
}

function valueOf(name: PresetName, { parameters }: Preset, parameter: string, text: string): unknown {
  const known = Object.hasOwn(parameters, parameter) ? parameters[parameter] : undefined;
  if (known === undefined) {
    const names = Object.keys(parameters);
    const meant = nearest(parameter, names);
    const remedy = meant === undefined ? `it has ${names.join(', ')}` : `write ${meant}`;
    throw new PresetError({ about: `preset ${name}`, problem: `it has no parameter ${shown(parameter)}`, remedy });
  }
  const value = known.read(text);
  if (value !== undefined) return value;
  const remedy = `write for example ${parameter}=${known.example}`;
  throw new PresetError({ about: `preset ${name}, ${parameter}`, found: shown(text), expected: known.takes, remedy });
}

const longest = 40;

function shown(text: string): string {
  return printable(JSON.stringify(text.length <= longest ? text : `${text.slice(0, longest)}…`));
}
