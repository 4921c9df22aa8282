/** What a teacher opens: the model of its manifest, with all that decides its answers. */
import type { Manifest } from '@distillery/protocol';

import type { InferenceThreadSource } from '../compute/index.js';
import type { Dataset } from '../data/index.js';
import { resolve } from '../places/index.js';

/** @throws PlaceError for a uri that names nothing here */
export async function inferenceSource(
  { teacher }: Manifest,
  { threads, runtime }: Pick<InferenceThreadSource, 'threads' | 'runtime'>,
  { train, identity }: Pick<Dataset, 'train' | 'identity'>,
): Promise<InferenceThreadSource> {
  const { model, input, inputs, tokenizer, output } = teacher;
  return {
    format: model.format,
    path: (await resolve(model.uri)).path,
    input,
    ...(inputs === undefined ? {} : { inputSettings: inputs }),
    ...(output === undefined ? {} : { output }),
    ...(tokenizer === undefined
      ? {}
      : { tokenizer: { path: (await resolve(tokenizer.uri)).path, maxTokens: tokenizer.maxTokens } }),
    inputs: train.spec.inputs,
    dataIdentity: identity,
    threads,
    runtime,
    limitSeconds: model.timeoutSeconds,
  };
}
