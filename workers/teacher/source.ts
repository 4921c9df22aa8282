/** What a teacher opens: the models of its manifest, with all that decides their answers. */
import type { Manifest } from '@distillery/protocol';

import { type InferenceThreadSource, noNative } from '../compute/index.js';
import type { Dataset } from '../data/index.js';
import { type EnsembleSource, filesBeside, lossKindOf, meanFor, type ModelSource } from '../models/inference/index.js';
import type { Places } from '../places/index.js';

/** What a process has to compute with. */
type TeacherMachine = Pick<InferenceThreadSource, 'threads' | 'runtime'> & { readonly nativeFolder: string | null };

/** @throws PlaceError for a uri that names nothing here; RemoteError; DataError, ReadError for the data's identity */
export async function inferenceSource(
  manifest: Manifest,
  { threads, runtime, nativeFolder }: TeacherMachine,
  dataset: Pick<Dataset, 'train' | 'identity'>,
  places: Pick<Places, 'resolve'>,
): Promise<InferenceThreadSource> {
  const { teacher } = manifest;
  const dataIdentity = await dataset.identity();
  const ensemble = await ensembleOf(manifest, dataset, places);
  const members = teacher.ensemble?.members ?? [];
  return {
    ...(await modelSource(teacher, places)),
    ...(ensemble === undefined ? {} : { ensemble }),
    inputs: dataset.train.spec.inputs,
    ...(dataIdentity === null ? {} : { dataIdentity }),
    threads,
    runtime,
    native: { ...noNative, folder: nativeFolder, threads },
    // The members load and answer one after the other.
    limitSeconds: [teacher, ...members].reduce((sum, { model }) => sum + model.timeoutSeconds, 0),
  };
}

type Member = Pick<Manifest['teacher'], 'model' | 'input' | 'inputs' | 'tokenizer' | 'output'>;

async function modelSource(
  { model, input, inputs, tokenizer, output }: Member,
  places: Pick<Places, 'resolve'>,
): Promise<ModelSource> {
  return {
    format: model.format,
    ...(model.signature === undefined ? {} : { signature: model.signature }),
    path: (await places.resolve(model.uri, 'model', (file) => filesBeside(model.format, file))).path,
    input,
    ...(inputs === undefined ? {} : { inputSettings: inputs }),
    ...(output === undefined ? {} : { output }),
    ...(tokenizer === undefined
      ? {}
      : { tokenizer: { path: (await places.resolve(tokenizer.uri, 'model')).path, maxTokens: tokenizer.maxTokens } }),
  };
}

async function ensembleOf(
  manifest: Manifest,
  { train }: Pick<Dataset, 'train'>,
  places: Pick<Places, 'resolve'>,
): Promise<EnsembleSource | undefined> {
  const { ensemble } = manifest.teacher;
  if (ensemble === undefined) return undefined;
  const members: EnsembleSource['members'][number][] = [];
  for (const { name, weight, ...member } of ensemble.members) {
    members.push({ name, weight, ...(await modelSource(member, places)) });
  }
  const kind = lossKindOf(manifest, train.spec.target?.kind);
  return { mean: meanFor(kind, manifest.student.loss.temperature), weight: ensemble.weight, members };
}
