/** What a teacher opens: the model of its manifest, with all that decides its answers. */
import type { Manifest } from '@distillery/protocol';

import type { InferenceThreadSource } from '../compute/index.js';
import type { Split } from '../data/index.js';
import { filesBeside } from '../models/inference/index.js';
import type { Places } from '../places/index.js';

/** @throws PlaceError for a uri that names nothing here; RemoteError */
export async function inferenceSource(
  { teacher }: Manifest,
  { threads, runtime }: Pick<InferenceThreadSource, 'threads' | 'runtime'>,
  { spec }: Pick<Split, 'spec'>,
  places: Pick<Places, 'resolve'>,
): Promise<InferenceThreadSource> {
  const { model, input, inputs, tokenizer, output } = teacher;
  return {
    format: model.format,
    path: (await places.resolve(model.uri, 'model', (file) => filesBeside(model.format, file))).path,
    input,
    ...(inputs === undefined ? {} : { inputSettings: inputs }),
    ...(output === undefined ? {} : { output }),
    ...(tokenizer === undefined
      ? {}
      : { tokenizer: { path: (await places.resolve(tokenizer.uri, 'model')).path, maxTokens: tokenizer.maxTokens } }),
    inputs: spec.inputs,
    threads,
    runtime,
    limitSeconds: model.timeoutSeconds,
  };
}
