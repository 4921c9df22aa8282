/** Which files belong to a model file, so that all of a remote model are fetched before it is opened. */
import { decodeText } from '@distillery/base';
import { z } from 'zod';

import type { ModelFormat } from './inference.js';
import { maxJsonBytes, maxOnnxBytes, readModelFile } from './model-file.js';
import { externalRanges } from './onnx-file.js';

const manifestSchema = z.looseObject({ weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()) })) });

/**
 * The names, as the model writes them: of a file that is no model, none, since opening it says what is wrong.
 * @throws ModelError when the file cannot be read or is too long; ReadError
 */
export async function filesBeside(format: ModelFormat, path: string): Promise<readonly string[]> {
  const bytes = await readModelFile(path, format === 'onnx' ? maxOnnxBytes : maxJsonBytes);
  try {
    if (format === 'onnx') return [...new Set(externalRanges(bytes).map(({ location }) => location))];
    return manifestSchema.parse(JSON.parse(decodeText(bytes))).weightsManifest.flatMap(({ paths }) => paths);
  } catch {
    return [];
  }
}
