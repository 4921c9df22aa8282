/**
 * Checkpoints and results as objects of a bucket.
 *
 * Invariants:
 *  bucket-stores/B4 A folder with the mark of another job is refused before the training, and never written.
 *  bucket-stores/B5 Opening a store tries each right that it needs: to list, to write, to read, to remove. So a student
 *     does not train for hours for a store that refuses its checkpoints.
 */
import { type FaultOf, problemOf } from '@distillery/base';
import { markName } from '@distillery/platform';
import { resultFiles } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import {
  checkpointFile,
  checkpointIn,
  type CheckpointStore,
  newestFirst,
  StoreError,
  type StoreFaultReason,
} from '../checkpoint/index.js';
import { type BucketFolder, RemoteError, type RemoteReason } from '../places/index.js';

import type { SweptResults } from './results.js';

/** Checkpoints and results of one job may lie in one folder. */
const markKind = 'job';
const longestMark = 1_024;
const unfenced = (): Promise<void> => Promise.resolve();

/**
 * Opens a folder of a bucket as a checkpoint store.
 * @throws WorkerError terminal when it belongs to another job; RemoteError when it cannot be used; StoreError when it may be
 *   usable later
 */
export async function openBucketCheckpoints(folder: BucketFolder, jobUid: string): Promise<CheckpointStore> {
  await opening(folder, 'student.checkpoint.store', jobUid, []);
  return {
    list: () =>
      guarded(folder, async () =>
        (await folder.list())
          .flatMap(({ name, bytes }) => {
            const key = checkpointIn(name);
            return key === null ? [] : [{ ...key, bytes }];
          })
          .sort(newestFirst),
      ),
    put: (step, attempt, bytes, fence) =>
      guarded(folder, () => folder.put(checkpointFile({ step, attempt }), bytes, fence)),
    get: (entry) =>
      guarded(folder, async () => {
        const name = checkpointFile(entry);
        const bytes = await folder.get(name);
        if (bytes !== null) return bytes;
        throw new StoreError('missing', folder.about(name), { problem: 'the checkpoint is gone', remedy: '' });
      }),
    remove: (entry) => guarded(folder, () => folder.remove(checkpointFile(entry), unfenced)),
    // An object is there whole or not at all.
    sweep: () => Promise.resolve(),
  };
}

/**
 * Opens a folder of a bucket as a result store. Other objects stay as they are.
 * @throws as `openBucketCheckpoints`; WorkerError terminal also when it holds a result that no job has marked
 */
export async function openBucketResults(folder: BucketFolder, jobUid: string): Promise<SweptResults> {
  await opening(folder, 'student.output.store', jobUid, resultFiles);
  return {
    put: (name, bytes, fence) => guarded(folder, () => folder.put(name, bytes, fence)),
    remove: (name, fence) => guarded(folder, () => folder.remove(name, fence)),
    sweep: () => Promise.resolve(),
  };
}

/** @param refused names that a folder without a mark must not hold */
async function opening(folder: BucketFolder, about: string, jobUid: string, refused: readonly string[]): Promise<void> {
  try {
    await claim(folder, about, jobUid, refused);
    await folder.checkRemoval();
  } catch (error) {
    // Wrong credentials are a fault of the job; a server that is away is not.
    throw error instanceof RemoteError && error.retry === 'Later' ? storeErrorOf(folder, error) : error;
  }
}

async function claim(folder: BucketFolder, about: string, jobUid: string, refused: readonly string[]): Promise<void> {
  const terminal = (problem: string, remedy: string): WorkerError =>
    new WorkerError('terminal', { about, problem: `${folder.about()} ${problem}`, remedy });
  const names = (await folder.list()).map(({ name }) => name);
  const found = names.find((name) => refused.includes(name));
  if (!names.includes(markName)) {
    if (found !== undefined) {
      throw terminal(`holds ${found}, which does not belong to this job`, 'move it elsewhere, or name another folder');
    }
    await folder.create(markName, mark(jobUid));
  }
  // Of two jobs that claim it at once, one finds the other's mark.
  const owner = ownerIn(await folder.get(markName));
  if (owner !== jobUid) {
    const remedy = `name another folder; if that job is gone, remove ${markName} and its files from the folder`;
    throw terminal(`belongs to another job (${owner ?? 'its mark cannot be read'})`, remedy);
  }
  // The right to write is tried by writing.
  if (names.includes(markName)) await folder.put(markName, mark(jobUid), unfenced);
}

function mark(owner: string): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify({ kind: markKind, owner })}\n`);
}

/** The job that a mark names; null for a text that is not a mark. */
function ownerIn(bytes: Uint8Array | null): string | null {
  if (bytes === null || bytes.length > longestMark) return null;
  try {
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof value !== 'object' || value === null || !('kind' in value) || value.kind !== markKind) return null;
    return 'owner' in value && typeof value.owner === 'string' ? value.owner.slice(0, 100) : null;
  } catch {
    return null;
  }
}

/** What a remote fault in the middle of a run means; all others are faults of the job. */
const reasons: Partial<Record<RemoteReason, StoreFaultReason>> = {
  unavailable: 'away',
  unreachable: 'away',
  stalled: 'away',
  cut: 'away',
  expired: 'away',
  noRoom: 'full',
  // It was allowed when the store was opened: the next attempt says whether it still is.
  denied: 'forbidden',
  changed: 'unreadable',
  damaged: 'unreadable',
};

async function guarded<T>(folder: BucketFolder, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof RemoteError ? storeErrorOf(folder, error) : error;
  }
}

function storeErrorOf(folder: BucketFolder, error: RemoteError): StoreError | RemoteError {
  const reason = reasons[error.reason];
  if (reason === undefined) return error;
  return new StoreError(reason, folder.about(), faultOf(error.fault), { cause: error });
}

function faultOf(fault: RemoteError['fault']): FaultOf {
  return { problem: problemOf(fault), remedy: fault.remedy };
}
