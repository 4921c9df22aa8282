/** What a teacher opens: the model of its manifest, with all that decides its answers. */
import type { Manifest } from '@distillery/protocol';

import { type InferenceThreadSource, noNative } from '../compute/index.js';
import type { Dataset } from '../data/index.js';
import { filesBeside } from '../models/inference/index.js';
import type { Places } from '../places/index.js';

/** What a process has to compute with. */
type TeacherMachine = Pick<InferenceThreadSource, 'threads' | 'runtime'> & { readonly nativeFolder: string | null };

/** @throws PlaceError for a uri that names nothing here; RemoteError; DataError, ReadError for the data's identity */
export async function inferenceSource(
  { teacher }: Manifest,
  { threads, runtime, nativeFolder }: TeacherMachine,
  dataset: Pick<Dataset, 'train' | 'identity'>,
  places: Pick<Places, 'resolve'>,
): Promise<InferenceThreadSource> {
  const { model, input, inputs, tokenizer, output } = teacher;
  const dataIdentity = await dataset.identity();
  return {
    format: model.format,
    path: (await places.resolve(model.uri, 'model', (file) => filesBeside(model.format, file))).path,
    input,
    ...(inputs === undefined ? {} : { inputSettings: inputs }),
    ...(output === undefined ? {} : { output }),
    ...(tokenizer === undefined
      ? {}
      : { tokenizer: { path: (await places.resolve(tokenizer.uri, 'model')).path, maxTokens: tokenizer.maxTokens } }),
    inputs: dataset.train.spec.inputs,
    ...(dataIdentity === null ? {} : { dataIdentity }),
    threads,
    runtime,
    native: { ...noNative, folder: nativeFolder, threads },
    limitSeconds: model.timeoutSeconds,
  };
}
