/** What a teacher opens: the model of its manifest, with all that decides its answers. */
import type { Manifest } from '@distillery/protocol';

import type { InferenceThreadSource } from '../compute/index.js';
import type { Dataset } from '../data/index.js';
import { filesBeside } from '../models/inference/index.js';
import type { Places } from '../places/index.js';

/** @throws PlaceError for a uri that names nothing here; RemoteError */
export async function inferenceSource(
  { dataset, teacher }: Manifest,
  { threads, runtime }: Pick<InferenceThreadSource, 'threads' | 'runtime'>,
  { train, identity }: Pick<Dataset, 'train' | 'identity'>,
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
    inputs: train.spec.inputs,
    ...(isOfFormerReleases(dataset) ? {} : { dataIdentity: identity }),
    threads,
    runtime,
    limitSeconds: model.timeoutSeconds,
  };
}

/**
 * Whether a job could have begun under a release that did not know the identity of the data: its teachers keep the digest
 * that they had, so that teachers of both releases can work for it during an upgrade.
 */
function isOfFormerReleases({ format, fields, split, onBadSample }: Manifest['dataset']): boolean {
  return format === 'idx' && fields === undefined && split === undefined && onBadSample === undefined;
}
