/** Where the student keeps checkpoints and results: the job's object store, a folder, or a bucket. */
import { join } from 'node:path';

import type { JobNames } from '@distillery/protocol';

import { type CheckpointStore, openFileStore } from '../checkpoint/index.js';
import type { WorkerContext } from '../process/index.js';
import { objectPort, ObjectStore, ObjectWriter, type StreamLink } from '../stream/index.js';

import { openBucketCheckpoints, openBucketResults } from './bucket-stores.js';
import type { ResultStore, SweptResults } from './results.js';
import { objectCheckpoints, objectResults, openFileResults } from './stores.js';

export interface Stores {
  readonly checkpoints: CheckpointStore;
  readonly resultsOf: (attempt: number) => ResultStore;
  /** Removes what older attempts left half-written. */
  readonly sweep: (attempt: number) => Promise<void>;
}

/** Runs before the claim, so that a folder of another job is refused at once. */
export async function openStores(context: WorkerContext, link: StreamLink, names: JobNames): Promise<Stores> {
  const { checkpoint } = context.env.manifest.student;
  const objects = objectsOf(link, names);
  const checkpoints = await openCheckpoints(context, objects);
  const results = await openResults(context);
  return {
    checkpoints,
    resultsOf: (attempt) => results ?? objectResults(objects, attempt),
    sweep: async (attempt) => {
      await checkpoints.sweep(attempt);
      if (checkpoint.store !== 'nats') await new ObjectWriter(objects, attempt).sweep();
      await results?.sweep();
    },
  };
}

/** The checkpoints alone, for an attempt that is not the first. */
export function checkpointsOf(context: WorkerContext, link: StreamLink, names: JobNames): Promise<CheckpointStore> {
  return openCheckpoints(context, objectsOf(link, names));
}

function objectsOf(link: StreamLink, names: JobNames): ObjectStore {
  return new ObjectStore(objectPort(link, names.bucketStreams.objects), names.objectBucket);
}

async function openCheckpoints({ env, places }: WorkerContext, objects: ObjectStore): Promise<CheckpointStore> {
  const { job, student } = env.manifest;
  const { store, folder = join(env.folder, 'checkpoints'), uri = '' } = student.checkpoint;
  switch (store) {
    case 'nats':
      return objectCheckpoints(objects);
    case 'file':
      return openFileStore(folder);
    case 's3':
      return openBucketCheckpoints(places.bucket(uri, 'checkpoint'), job.uid);
  }
}

/** Null: results go into the job's object store. */
async function openResults({ env, places }: WorkerContext): Promise<SweptResults | null> {
  const { job, student } = env.manifest;
  const { store, folder = join(env.folder, 'model'), uri = '' } = student.output;
  switch (store) {
    case 'nats':
      return null;
    case 'file':
      return openFileResults(folder, job.uid);
    case 's3':
      return openBucketResults(places.bucket(uri, 'output'), job.uid);
  }
}
