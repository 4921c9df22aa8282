/**
 * Copies a finished model from a job's object store into a folder.
 *
 * Invariants:
 *  results/M1 All or nothing: every file is copied into a stage and checked there. Then the files are moved into the
 *     folder, model.json last, because it names the others.
 *  results/M2 Names, sizes and contents come from a student. A name that could leave the folder, more files than a model
 *     has, and more bytes than the disk has free are refused before anything is written.
 *  results/M3 Only folders that this module made are removed.
 *  results/M4 A folder never holds files of two models: what an earlier model left under the name of a result that this one
 *     lacks (model.onnx is optional) is removed.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { readdir, rename, rm, rmdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, reasonOf } from '@distillery/base';
import {
  lookAtFolderSync,
  makeFolderSync,
  type Mark,
  markFolderSync,
  removeOwnFolderSync,
  removeTemporarySync,
  syncFolder,
  writeWhole,
} from '@distillery/platform';
import { resultFiles, resultPrefix } from '@distillery/protocol';

import { CliError } from './cli-error.js';
import { checkDigest, checkSums, type ExpectedResult, type ResultSource, type StoredResult } from './result-checks.js';
import { modelFile, weightsDigest } from './weights-file.js';

/** Of the folder inside the target that holds files until they are checked. */
const stagePrefix = '.part-';
/** Names that `mkdtemp` gives. */
const stagePattern = /^\.part-[A-Za-z0-9]{6}$/;
const stageMark: Mark = { kind: 'fetch' };

/**
/**
 * Copies the results into the folder. Files of the same names are replaced, and other results of an earlier model removed.
 * @param results as `listResults` returns them
 * @param expected as the job's status says
 * @returns the digest of the weights
 * @throws StreamError as the source does; CliError when the results are not those that the status names, or the folder
 *   cannot be written
 */
export async function bringResults(
  source: ResultSource,
  results: readonly StoredResult[],
  folder: string,
  expected: ExpectedResult,
): Promise<string> {
  const made = await writing(folder, () => makeFolderSync(folder));
  let stage: string | null = null;
  try {
    await checkFreeSpace(results, folder);
    const staged = await writing(folder, () => makeStage(folder));
    stage = staged;
    const sums = new Map<string, string>();
    for (const { name } of results) sums.set(name, await copy(source, name, folder, staged));
    await checkSums(staged, results, sums, expected.filesDigest);
    const found = await weightsDigest(staged, new Map(results.map(({ name, bytes }) => [name, bytes])));
    checkDigest(found, expected.digest ?? found);
    await writing(folder, () => moveAll(staged, folder, [...sums.keys()]));
    return found;
  } catch (error) {
    if (stage !== null) removeOwnFolderSync(stage, stageMark);
    // Fails for a folder that is not empty.
    if (made) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** @returns the names in a folder, without the stages of interrupted `bringResults`; empty when there is no folder */
export async function contentOf(folder: string): Promise<string[]> {
  const names = await writing(folder, () =>
    readdir(folder).catch((error: unknown) => {
      if (codeOf(error) === 'ENOENT') return [];
      throw error;
    }),
  );
  return names.filter((name) => !isStage(folder, name));
}

function isStage(folder: string, name: string): boolean {
  if (!name.startsWith(stagePrefix)) return false;
  const { kind } = lookAtFolderSync(join(folder, name), stageMark);
  // Empty: the command was killed before it marked its stage.
  return kind === 'ours' || (kind === 'empty' && stagePattern.test(name));
}

/** @throws CliError storage when the disk has less free space than the results need */
async function checkFreeSpace(results: readonly StoredResult[], folder: string): Promise<void> {
  const { bavail, bsize } = await writing(folder, () => statfs(folder));
  const needed = results.reduce((sum, { bytes }) => sum + bytes, 0);
  if (needed <= bavail * bsize) return;
  throw new CliError('storage', {
    about: `model folder ${folder}`,
    problem: `its disk has ${String(bavail * bsize)} bytes free, and the results have ${String(needed)}`,
    remedy: 'free some space, or name a folder on another disk',
  });
}

/** Copies one result into the stage. @returns its SHA-256 */
async function copy(source: ResultSource, name: string, folder: string, stage: string): Promise<string> {
  const hash = createHash('sha256');
  let failure: { readonly error: unknown } | null = null;
  const hashed = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of source.read(resultPrefix + name)) {
        hash.update(piece);
        yield piece;
      }
    } catch (error) {
      failure = { error };
      throw error;
    }
  };
  const ofSource = (): unknown => failure?.error;
  await writeWhole(join(stage, name), hashed()).catch((error: unknown) => {
    throw error === ofSource() ? error : cannotWrite(folder, error);
  });
  return hash.digest('hex');
}

/** Makes a stage, and removes those that killed commands left (results/M3). */
function makeStage(folder: string): string {
  for (const name of readdirSync(folder)) {
    if (isStage(folder, name)) removeTemporarySync(join(folder, name), stageMark);
  }
  const stage = mkdtempSync(join(folder, stagePrefix));
  markFolderSync(stage, stageMark);
  return stage;
}

async function moveAll(stage: string, folder: string, names: readonly string[]): Promise<void> {
  const outdated = resultFiles.filter((name) => !names.includes(name));
  for (const name of [...names, ...outdated]) refuseFolder(join(folder, name));
  for (const name of outdated) await rm(join(folder, name), { force: true });
  const inOrder = [...names].sort((a, b) => Number(a === modelFile) - Number(b === modelFile));
  for (const name of inOrder) await rename(join(stage, name), join(folder, name));
  removeOwnFolderSync(stage, stageMark);
  await syncFolder(folder);
}

/** A rename over a folder fails. This check comes before the first file is moved. */
function refuseFolder(path: string): void {
  const entry = lstatSync(path, { throwIfNoEntry: false });
  if (entry?.isDirectory() === true) throw new Error(`${path} is a folder`);
}

async function writing<T>(folder: string, write: () => T | Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw cannotWrite(folder, error);
  }
}

function cannotWrite(folder: string, error: unknown): CliError {
  return new CliError(
    'storage',
    {
      about: `model folder ${folder}`,
      problem: `cannot be written (${reasonOf(error)})`,
      remedy: 'name another folder',
    },
    { cause: error },
  );
}
