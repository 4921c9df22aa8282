/** Checkpoints and results in the job's object store, or results in a folder. */
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { resultPrefix } from '../../src/protocol/index.js';
import { type CheckpointStore, newestFirst, StoreError, surplus } from '../checkpoint/index.js';
import type { ObjectStore } from '../stream/index.js';

import type { ResultStore } from './student.js';

const checkpointPattern = /^checkpoint\/step-(\d+)-attempt-(\d+)$/;
const nameOf = (step: number, attempt: number): string => `checkpoint/step-${step}-attempt-${attempt}`;

/** Checkpoints as objects named by step and attempt. */
export function objectCheckpoints(objects: ObjectStore): CheckpointStore {
  const list: CheckpointStore['list'] = async () =>
    (await objects.list())
      .flatMap(({ name, bytes }) => {
        const parts = checkpointPattern.exec(name);
        return parts === null ? [] : [{ step: Number(parts[1]), attempt: Number(parts[2]), bytes }];
      })
      .sort(newestFirst);
  return {
    list,
    put: (step, attempt, bytes) => objects.put(nameOf(step, attempt), bytes),
    get: async ({ step, attempt }) => {
      const name = nameOf(step, attempt);
      const bytes = await objects.get(name);
      if (bytes === null) throw new StoreError('missing', name, 'found nothing, expected a checkpoint');
      return bytes;
    },
    prune: async (keep) => {
      for (const { step, attempt } of surplus(await list(), keep)) await objects.delete(nameOf(step, attempt));
    },
  };
}

/** Results as objects that `distill fetch` brings home. */
export function objectResults(objects: ObjectStore): ResultStore {
  return { put: (name, bytes) => objects.put(`${resultPrefix}${name}`, bytes) };
}

/** Results as files of a folder, each whole or not there. */
export function fileResults(folder: string): ResultStore {
  return {
    put: async (name, bytes) => {
      const path = join(folder, name);
      const partial = `${path}.partial`;
      try {
        await mkdir(folder, { recursive: true });
        const file = await open(partial, 'w');
        try {
          await file.writeFile(bytes);
          await file.sync();
        } finally {
          await file.close();
        }
        await rename(partial, path);
      } catch (error) {
        await rm(partial, { force: true }).catch(() => undefined);
        const reason = error instanceof Error ? error.message : String(error);
        throw new StoreError('other', path, `cannot be written (${reason}); free some space or change its mode`, {
          cause: error,
        });
      }
    },
  };
}
