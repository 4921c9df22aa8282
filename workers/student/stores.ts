/** Checkpoints and results in the job's object store, or results in a folder. */
import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, type Fault, type FaultOf, problemOf } from '@distillery/base';
import {
  makeFolderSync,
  markFolderSync,
  markName,
  markOfSync,
  sweepHalfWrittenSync,
  writeWhole,
} from '@distillery/platform';
import { jobOfReport, resultFileNames, resultFiles, resultPrefix } from '@distillery/protocol';

import { type CheckpointStore, newestFirst, StoreError } from '../checkpoint/index.js';
import { WorkerError } from '../base/index.js';
import { ObjectDamaged, type ObjectStore, ObjectStoreFull, ObjectWriter } from '../stream/index.js';

import type { ResultStore, SweptResults } from './results.js';

const checkpointPattern = /^checkpoint\/step-(\d+)-attempt-(\d+)$/;
const nameOf = (step: number, attempt: number): string => `checkpoint/step-${step}-attempt-${attempt}`;

/** Returns a checkpoint store in the job's object store; its objects are named by step and attempt. */
export function objectCheckpoints(
  objects: ObjectStore,
  options: { readonly pieceBytes?: number } = {},
): CheckpointStore {
  const writer = (attempt: number): ObjectWriter => new ObjectWriter(objects, attempt, options);
  return {
    list: async () =>
      (await objects.list())
        .flatMap(({ name, bytes }) => {
          const parts = checkpointPattern.exec(name);
          return parts === null ? [] : [{ step: Number(parts[1]), attempt: Number(parts[2]), bytes }];
        })
        .sort(newestFirst),
    put: async (step, attempt, bytes, fence) => {
      const name = nameOf(step, attempt);
      try {
        await writer(attempt).put(name, bytes, fence);
      } catch (error) {
        if (error instanceof ObjectStoreFull && (await isTooSmall(objects, bytes.length))) {
          throw new StoreError('tooSmall', name, tooSmall(bytes.length), { cause: error });
        }
        throw storeErrorFrom(error);
      }
    },
    get: async ({ step, attempt }) => {
      const name = nameOf(step, attempt);
      const bytes = await objects.get(name).catch((error: unknown) => {
        throw storeErrorFrom(error);
      });
      if (bytes === null) throw new StoreError('missing', name, { problem: 'the checkpoint is gone', remedy: '' });
      return bytes;
    },
    remove: ({ step, attempt }) => writer(attempt).delete(nameOf(step, attempt)),
    sweep: (attempt) => writer(attempt).sweep(),
  };
}

/** Whether the store cannot hold two checkpoints: the old one is kept while the new one is written. */
async function isTooSmall(objects: ObjectStore, bytes: number): Promise<boolean> {
  const { maxBytes } = await objects.limit();
  return maxBytes !== null && 2 * bytes > maxBytes;
}

function tooSmall(bytes: number): FaultOf {
  return {
    problem: `a checkpoint has ${bytes} bytes, and the job's object store does not hold two of them`,
    remedy: 'keep checkpoints elsewhere (spec.student.checkpoint.store)',
  };
}

function sameOf(fault: Fault): FaultOf {
  return { problem: problemOf(fault), remedy: fault.remedy };
}

function storeErrorFrom(error: unknown): unknown {
  if (error instanceof ObjectDamaged)
    return new StoreError('unreadable', error.object, sameOf(error.fault), { cause: error });
  if (error instanceof ObjectStoreFull)
    return new StoreError('full', error.object, sameOf(error.fault), { cause: error });
  return error;
}

/** Returns a result store in the job's object store, from which `distill fetch` reads. */
export function objectResults(objects: ObjectStore, attempt: number): ResultStore {
  const writer = new ObjectWriter(objects, attempt);
  return {
    put: (name, bytes, fence) => writer.put(`${resultPrefix}${name}`, bytes, fence),
    remove: (name, fence) => writer.delete(`${resultPrefix}${name}`, fence),
  };
}

/** Kind of the mark of a folder with results; its owner is the uid of the job. */
const resultsKind = 'results';

/**
 * Opens a folder as a result store; each file is stored whole or not at all. Other files of the folder stay as they are,
 * and a result of another job is never replaced.
 * @throws WorkerError terminal when the folder belongs to another job, or holds a file with the name of a result that this
 *   job did not write; StoreError
 */
export async function openFileResults(folder: string, jobUid: string): Promise<SweptResults> {
  await guarded(folder, async () => {
    makeFolderSync(folder);
    const found = markOfSync(folder);
    if (found?.kind === resultsKind && found.owner === jobUid) return;
    if (found !== null) {
      throw foreignFolder({
        problem: `${folder} belongs to another job (${found.owner ?? found.kind})`,
        remedy: `name another folder; if that job is gone, remove ${markName} and its results from the folder`,
      });
    }
    await refuseForeignResult(folder, jobUid);
    markFolderSync(folder, { kind: resultsKind, owner: jobUid });
  });
  return {
    put: async (name, bytes, fence) => {
      await fence();
      await guarded(join(folder, name), () => writeWhole(join(folder, name), bytes));
    },
    remove: async (name, fence) => {
      await fence();
      await guarded(join(folder, name), () => rm(join(folder, name), { force: true }));
    },
    sweep: () =>
      guarded(folder, async () => {
        const isOwn = (target: string): boolean => target === markName || resultFiles.includes(target);
        sweepHalfWrittenSync(folder, { isOwn, isWriting: () => false });
        await Promise.resolve();
      }),
  };
}

function foreignFolder(fault: FaultOf): WorkerError {
  return new WorkerError('terminal', { ...fault, about: 'student.output.store' });
}

async function refuseForeignResult(folder: string, jobUid: string): Promise<void> {
  const names = (await readdir(folder)).filter((name) => resultFiles.includes(name));
  const [name] = names;
  if (name === undefined || (await reportedJob(folder)) === jobUid) return;
  throw foreignFolder({
    problem: `${join(folder, name)} exists and does not belong to this job`,
    remedy: 'move it elsewhere, or name another folder',
  });
}

/** Returns the uid of the job that wrote the report in the folder, as releases without marks did; null when no job did. */
async function reportedJob(folder: string): Promise<string | null> {
  try {
    return jobOfReport(JSON.parse(await readFile(join(folder, resultFileNames.report), 'utf8')));
  } catch {
    return null;
  }
}

const outOfRoom: readonly string[] = ['ENOSPC', 'EDQUOT'];

function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  return work().catch((error: unknown) => {
    if (error instanceof WorkerError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    const fault = outOfRoom.includes(codeOf(error)) ? 'full' : 'other';
    const remedy = fault === 'full' ? 'free some space' : 'check its path and its permissions';
    throw new StoreError(
      fault,
      path,
      { problem: `cannot be written (${reason})`, remedy },
      {
        cause: error,
      },
    );
  });
}
