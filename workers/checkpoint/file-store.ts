/**
 * Checkpoints as files of one folder.
 *
 * Invariant: a file with the name of a checkpoint is whole and on the disk (`writeWhole`). A crash at any point leaves the
 * old files and at most one partial file, which `sweep` of the next attempt removes. Other files stay.
 */
import { readdir, readFile, stat, unlink } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, problemOf, writeRefusalOf } from '@distillery/base';
import { makeFolderSync, writeWhole } from '@distillery/platform';

import { StoreError } from './errors.js';
import { checkpointFile, checkpointIn } from './names.js';
import { type CheckpointEntry, type CheckpointKey, type CheckpointStore, newestFirst } from './store.js';

/**
 * Names of the files that a crash in the middle of a write leaves; `sweep` removes no others. The name holds the attempt, so
 * that an older attempt that is still alive never removes what a newer one is writing.
 */
const partialPattern = /^step-\d{10}-attempt-(\d+)\.ckpt(\.\d+-\d+)?\.partial$/;

/** The calls to the file system that fail without space or rights; tests replace them. */
export interface FileCalls {
  /** Replaces the file whole or not at all; it is durable once this resolves. */
  write(path: string, bytes: Uint8Array): Promise<void>;
  readFile(path: string): Promise<Uint8Array>;
}

const realCalls: FileCalls = {
  write: (path, bytes) => writeWhole(path, bytes, { mode: 0o600 }),
  readFile: (path) => readFile(path),
};

/**
 * Opens the folder as a checkpoint store and creates the folder when it does not exist.
 * @throws StoreError
 */
export async function openFileStore(folder: string, calls: FileCalls = realCalls): Promise<CheckpointStore> {
  const guarded = <T>(path: string, work: () => Promise<T>): Promise<T> =>
    work().catch((error: unknown) => {
      throw storeError(path, error);
    });
  const pathOf = (key: CheckpointKey): string => join(folder, checkpointFile(key));
  const list = (): Promise<readonly CheckpointEntry[]> => guarded(folder, () => entriesIn(folder));

  await guarded(folder, async () => {
    makeFolderSync(folder);
    await Promise.resolve();
  });
  return {
    list,
    put: async (step, attempt, bytes, fence) => {
      const path = pathOf({ step, attempt });
      await fence();
      return guarded(path, () => calls.write(path, bytes));
    },
    get: (entry) => guarded(pathOf(entry), () => calls.readFile(pathOf(entry))),
    remove: (entry) => guarded(pathOf(entry), () => unlinkIfThere(pathOf(entry))),
    sweep: (attempt) =>
      guarded(folder, async () => {
        for (const name of await readdir(folder)) {
          const writer = partialPattern.exec(name)?.[1];
          if (writer !== undefined && Number(writer) < attempt) await unlinkIfThere(join(folder, name));
        }
      }),
  };
}

async function entriesIn(folder: string): Promise<readonly CheckpointEntry[]> {
  const entries: CheckpointEntry[] = [];
  for (const name of await readdir(folder)) {
    const key = checkpointIn(name);
    if (key === null) continue;
    // Another process may have removed the file meanwhile.
    const found = await stat(join(folder, name)).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return null;
      throw error;
    });
    if (found?.isFile() === true) entries.push({ ...key, bytes: found.size });
  }
  return entries.sort(newestFirst);
}

async function unlinkIfThere(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
  }
}

function storeError(path: string, error: unknown): StoreError {
  const code = codeOf(error);
  const refusal = writeRefusalOf(code);
  const shown = code === '' ? '' : ` (${code})`;
  if (refusal === null) {
    return new StoreError(
      'other',
      path,
      { problem: `${String(error)}${shown}`, remedy: 'check the folder' },
      { cause: error },
    );
  }
  const { reason, remedy } = refusal;
  const fault = { problem: `${problemOf(refusal)}${shown}`, remedy };
  return new StoreError(reason === 'occupied' ? 'other' : reason, path, fault, { cause: error });
}
