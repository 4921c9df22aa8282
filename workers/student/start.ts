/** What the student's weights are before the first step: frozen layers, and weights of another model to start from. */
import type { Manifest } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import { digestOf } from '../checkpoint/index.js';
import { exportedWeights, filesBeside, readStartingWeights, type StudentStart } from '../models/training.js';
import type { Places } from '../places/index.js';

import type { TrainerClient } from './trainer-client.js';

/** @throws ModelError for a file without weights, PlaceError, RemoteError, ReadError */
export async function studentStart(
  { student: { model, freeze } }: Pick<Manifest, 'student'>,
  places: Pick<Places, 'resolve'>,
): Promise<StudentStart> {
  const frozen = freeze === undefined ? {} : { freeze };
  if (model.weights === undefined) return frozen;
  const { uri, except = [] } = model.weights;
  const { path } = await places.resolve(uri, 'model', (file) => filesBeside('tfjs-layers', file));
  return { ...frozen, weights: { weights: await readStartingWeights(path), except } };
}

/**
 * The digest of the weights before the first step, where the job names weights to start from; undefined where the seed
 * decides alone. Call it before a state is restored.
 */
export async function startDigest(
  { student: { model } }: Pick<Manifest, 'student'>,
  trainer: Pick<TrainerClient, 'state'>,
): Promise<string | undefined> {
  return model.weights === undefined ? undefined : digestOf(exportedWeights(await trainer.state()));
}

/**
 * An attempt that resumes needs no weights to start from, unless its checkpoints are damaged: it then starts over, and must
 * do so from the same ones.
 * @param before what the attempt found that wrote the checkpoint
 * @throws WorkerError terminal when the files have changed since
 */
export function checkStart(
  { student: { model } }: Pick<Manifest, 'student'>,
  before: string | undefined,
  now: string | undefined,
): void {
  if (before === now) return;
  throw new WorkerError('terminal', {
    about: `student.model.weights ${model.weights?.uri ?? ''}`,
    problem: 'the weights are not those that this job started from',
    remedy: 'put the former files back, or make a new job',
  });
}
