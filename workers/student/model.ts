/** The student's model as text: a file that the job names, or what a preset makes of the data set. */
import { decodeText, TextError, within } from '@distillery/base';
import { readFaultOf, readRegularSync } from '@distillery/platform';
import { choosePreset, type PresetData, type PresetInput, presetTopology } from '@distillery/presets';
import { type Manifest, readStudentModelUri } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { Split, TargetSpec } from '../samples/index.js';
import { openTokenizer } from '../inputs/index.js';
import { readKerasTopology } from '../models/keras-file.js';
import { fileKindOf } from '../models/training.js';
import type { Places } from '../places/index.js';

interface Splits {
  readonly train: Pick<Split, 'spec'>;
  readonly test: Pick<Split, 'spec'> | null;
}

/** What a tokenizer says of the tokens that it makes. */
interface TokenFacts {
  readonly maxTokens: number;
  readonly vocabularySize: number;
}

export interface StudentModelNeeds {
  /** Receives what a person should know. */
  readonly note?: (message: string) => void;
  /** Logits of a row of the teacher: asked for a preset where nothing else says how many outputs it has; absent = no teacher. */
  readonly teacherColumns?: () => Promise<number>;
}

/**
 * A function of the manifest, its files, what the splits have in common and the teacher's width, so that every attempt trains the
 * same model.
 * @returns the text of a tfjs layers `model.json`, or of its topology alone
 * @throws PlaceError, RemoteError; PresetError; InputError for a tokenizer; WorkerError when the file cannot be read; ModelError
 *   and DataError for a damaged .keras file
 */
export async function studentModelText(
  { student }: Pick<Manifest, 'student'>,
  dataset: Splits,
  places: Pick<Places, 'resolve'>,
  { note = () => undefined, teacherColumns }: StudentModelNeeds = {},
): Promise<string> {
  const { uri } = student.model;
  const read = readStudentModelUri(uri);
  if (!read.ok || read.value.scheme !== 'preset') {
    const { path } = await places.resolve(uri, 'model');
    return readModel(path, student.model.weights === undefined ? note : () => undefined);
  }
  const { name, parameters } = read.value;
  const { tokenizer } = student;
  const tokens =
    tokenizer === undefined
      ? null
      : await openTokenizer((await places.resolve(tokenizer.uri, 'model')).path, tokenizer);
  const chosen = choosePreset(name, parameters);
  const data = presetDataOf(dataset, tokens);
  const isKnown = chosen.values.outputs !== undefined || data.outputs !== undefined;
  const outputs = isKnown ? data.outputs : await teacherColumns?.();
  return JSON.stringify(presetTopology(chosen, { ...data, outputs }).topology);
}

/**
 * What a preset learns of a data set. A class may appear in one split only.
 * @param tokens of the student's tokenizer; null = it has none
 */
export function presetDataOf({ train, test }: Splits, tokens: TokenFacts | null): PresetData {
  const widths = [train, test].map((split) => widthOf(split?.spec.target ?? null));
  const outputs = Math.max(...widths);
  const inputs = Object.entries(train.spec.inputs).map(([name, input]): [string, PresetInput] => {
    if (input.dtype !== 'text') return [name, { ...input, dtype: input.dtype }];
    if (tokens === null) {
      throw new WorkerError('terminal', {
        about: 'student.tokenizer',
        problem: `field ${name} holds texts, and the student has no tokenizer`,
        remedy: 'set student.tokenizer.uri to a tokenizer.json, such as that of the teacher',
      });
    }
    return [name, { dtype: 'int32', shape: [tokens.maxTokens], values: tokens.vocabularySize }];
  });
  return { inputs: Object.fromEntries(inputs), outputs: outputs === 0 ? undefined : outputs };
}

/** 0 = the samples say nothing. */
function widthOf(target: TargetSpec | null): number {
  if (target === null) return 0;
  return target.kind === 'values' ? target.width : target.classes;
}

/** A file as JSON text: as it is, or what a .keras file holds. */
async function readModel(path: string, note: (message: string) => void): Promise<string> {
  const kind = await fileKindOf(path);
  if (kind === 'zip') {
    const text = await readKerasTopology(path);
    note(`student model ${path}: the weights in it are not read, training starts from the seed`);
    return text;
  }
  if (kind === 'hdf5') {
    throw new WorkerError('terminal', {
      about: `student model ${path}`,
      found: 'an HDF5 file',
      expected: 'a tfjs layers model.json, or a .keras file',
      remedy: 'save it with model.save("student.keras"), or write model.to_json() into a file',
    });
  }
  return readText(path);
}

function readText(path: string): string {
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
