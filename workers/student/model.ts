/** The student's model as text: a file that the job names, or what a preset makes of the data set. */
import { decodeText, TextError, within } from '@distillery/base';
import { readFaultOf, readRegularSync } from '@distillery/platform';
import { choosePreset, type PresetData, presetTopology } from '@distillery/presets';
import { readStudentModelUri } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { Dataset } from '../data/index.js';
import { resolve } from '../places/index.js';

type Splits = { readonly [Split in 'train' | 'test']: Pick<Dataset[Split], 'spec'> };

/**
 * A pure function of the uri, the file and what the splits have in common, so that every attempt trains the same model.
 * @returns the text of a tfjs layers `model.json`, or of its topology alone
 * @throws PlaceError; PresetError; WorkerError when the file cannot be read
 */
export async function studentModelText(uri: string, dataset: Splits): Promise<string> {
  const read = readStudentModelUri(uri);
  if (!read.ok || read.value.scheme !== 'preset') return readModel((await resolve(uri)).path);
  const { name, parameters } = read.value;
  return JSON.stringify(presetTopology(choosePreset(name, parameters), presetDataOf(dataset)).topology);
}

/** What a preset learns of a data set. A class may appear in one split only. */
export function presetDataOf({ train, test }: Splits): PresetData {
  const classes = Math.max(train.spec.classes, test.spec.classes);
  return { inputs: train.spec.inputs, outputs: classes === 0 ? undefined : classes };
}

function readModel(path: string): string {
  try {
    return decodeText(readRegularSync(path));
  } catch (error) {
    if (error instanceof TextError) {
      throw new WorkerError('terminal', within(`student model ${path}`, error.fault), { cause: error });
    }
    const { found, remedy, passes } = readFaultOf(error, path);
    const fault = {
      about: `student model ${path}`,
      found,
      expected: 'a tfjs layers model.json',
      remedy: `${remedy} (spec.student.model.uri)`,
    };
    throw new WorkerError(passes ? 'error' : 'terminal', fault, { cause: error });
  }
}
