/** Checkpoints and results in the job's object store, or results in a folder. */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { makeFolderSync, markFolderSync, markName, markOfSync, writeWhole } from '../../src/platform/index.js';
import { resultFiles, resultPrefix } from '../../src/protocol/index.js';
import { type CheckpointStore, newestFirst, StoreError, surplus } from '../checkpoint/index.js';
import { WorkerError } from '../shell/exit.js';
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

/** Of the folder that holds a job's results; its owner is the job's uid. */
const resultsKind = 'results';
/** Written last in its folder by releases that marked none; it names the job. */
const reportSchema = z.object({ job: z.object({ uid: z.string() }) });

/**
 * Results as files of a folder, each whole or not there. Other files of the folder stay as they are; a result that is not
 * this job's is never replaced.
 * @throws WorkerError terminal when the folder is another job's, or holds a file of a result's name that this job did not
 *   write; StoreError
 */
export async function openFileResults(folder: string, jobUid: string): Promise<ResultStore> {
  await guarded(folder, async () => {
    makeFolderSync(folder);
    const found = markOfSync(folder);
    if (found?.kind === resultsKind && found.owner === jobUid) return;
    if (found !== null) {
      throw foreignFolder(
        `${folder} is of another job (${found.owner ?? found.kind}). Name another folder; if that job is gone, remove ${markName} and its result there.`,
      );
    }
    await refuseForeignResult(folder, jobUid);
    markFolderSync(folder, { kind: resultsKind, owner: jobUid });
  });
  return {
    put: (name, bytes) => guarded(join(folder, name), () => writeWhole(join(folder, name), bytes)),
  };
}

function foreignFolder(problem: string): WorkerError {
  return new WorkerError('terminal', `student.output.store: ${problem}`);
}

async function refuseForeignResult(folder: string, jobUid: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => resultFiles.includes(name));
  const [name] = names;
  if (name === undefined || (await reportedJob(folder)) === jobUid) return;
  throw foreignFolder(
    `${join(folder, name)} is there already and is not of this job. Move it elsewhere, or name another folder.`,
  );
}

/** The uid of the job that wrote the folder's metrics.json; null when no job did. */
async function reportedJob(folder: string): Promise<string | null> {
  try {
    return reportSchema.parse(JSON.parse(await readFile(join(folder, 'metrics.json'), 'utf8'))).job.uid;
  } catch {
    return null;
  }
}

function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  return work().catch((error: unknown) => {
    if (error instanceof WorkerError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new StoreError('other', path, `cannot be written (${reason}); free some space or change its mode`, {
      cause: error,
    });
  });
}
