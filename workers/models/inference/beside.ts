/** Which files belong to a model file, so that all of a remote model are fetched before it is opened. */
import { decodeText } from '@distillery/base';
import { z } from 'zod';

import type { ModelFormat } from './inference.js';
import { maxModelBytes, modelFileAt, readModelFile } from './model-file.js';
import { externalRanges } from './onnx-file.js';

const manifestSchema = z.looseObject({ weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()) })) });

/** Only graphs with variables have files of them; what the file says in detail is read later. */
const variable = 'VarHandleOp';
/** As TensorFlow writes them on one machine. */
const variableFiles = ['variables/variables.index', 'variables/variables.data-00000-of-00001'];

/**
 * The names, as the model writes them: of a file that is no model, none, since opening it says what is wrong.
 * @throws ModelError when the file cannot be read or is too long; ReadError
 */
export async function filesBeside(format: ModelFormat, path: string): Promise<readonly string[]> {
  const bytes = await readModelFile(await modelFileAt(format, path), maxModelBytes[format]);
  try {
    if (format === 'saved-model')
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes(variable) ? variableFiles : [];
    if (format === 'onnx') return [...new Set(externalRanges(bytes).map(({ location }) => location))];
    return manifestSchema.parse(JSON.parse(decodeText(bytes))).weightsManifest.flatMap(({ paths }) => paths);
  } catch {
    return [];
  }
}
