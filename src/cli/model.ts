/**
 * Brings a finished model out of a job's object store into a folder.
 *
 * Invariants:
 *  model/M1 Whole or not at all: everything is fetched and checked beside its place first; model.json, which names the
 *     rest, takes its place last.
 *  model/M2 Names, sizes and contents come from a student: a name that could leave the folder, more files than a model
 *     has, and more bytes than the disk has room for are refused before anything is written.
 *  model/M3 Only folders that this module made are removed.
 */
import { createHash } from 'node:crypto';
import { lstatSync, mkdtempSync, readdirSync } from 'node:fs';
import { readdir, readFile, rename, rmdir, statfs } from 'node:fs/promises';
import { join } from 'node:path';

import { codeOf, reasonOf } from '@distillery/base';
import {
  makeFolderSync,
  type Mark,
  markFolderSync,
  markOfSync,
  removeOwnFolderSync,
  syncFolder,
  writeWhole,
} from '@distillery/platform';
import { readResultSums, resultNamePattern, resultPrefix, resultSumsName } from '@distillery/protocol';

import { CliError } from './exit.js';
import { modelFile, weightsDigest } from './weights-file.js';

/** Where the results are: the streams of a run, or a cluster's, seen by the job's reader. */
export interface ResultSource {
  list(): Promise<readonly StoredResult[]>;
  /** Pieces of one object, of the size that `list` says; sound when the last was followed by no error. */
  read(name: string): AsyncIterable<Uint8Array>;
}

export interface StoredResult {
  readonly name: string;
  readonly bytes: number;
}

/** What the job's status says of its result. */
export interface ToldResult {
  /** Of the weights. */
  readonly digest?: string;
  /** SHA-256 of the list of all files; students of earlier releases wrote none. */
  readonly filesDigest?: string;
}

/** A student writes four; others may write some more. */
const maxResults = 64;
/** The list of so many files is far shorter. */
const maxSumsBytes = 64 * 1024;
/** Holds what is on its way. */
const stagePrefix = '.part-';
const stageMark: Mark = { kind: 'fetch' };

/**
 * The results in the store, their names without the prefix. @throws CliError (model/M2), StreamError as the source does
 */
export async function listResults(source: ResultSource): Promise<StoredResult[]> {
  const all = await source.list();
  const results = all.flatMap(({ name, bytes }) =>
    name.startsWith(resultPrefix) ? [{ name: name.slice(resultPrefix.length), bytes }] : [],
  );
  if (results.length > maxResults) {
    throw untrusted(
      `results: found ${String(results.length)}, more than the ${String(maxResults)} that a job may have`,
    );
  }
  const seen = new Set<string>();
  for (const { name } of results) {
    if (!resultNamePattern.test(name)) {
      throw untrusted(`result ${JSON.stringify(name.slice(0, 200))}: not a valid file name`);
    }
    if (seen.has(name)) throw untrusted(`result ${name}: found it twice`);
    seen.add(name);
  }
  return results;
}

/**
 * Puts the results into the folder, replacing files of the same names.
 * @param results as `listResults` returns them
 * @returns the digest of the weights that were brought
 * @throws StreamError as the source does; CliError when what lies there is not what the status names, or the folder
 *   cannot be written
 */
export async function bringResults(
  source: ResultSource,
  results: readonly StoredResult[],
  folder: string,
  told: ToldResult,
): Promise<string> {
  const made = await writing(folder, () => makeFolderSync(folder));
  let stage: string | null = null;
  try {
    await checkRoomFor(results, folder);
    const place = await writing(folder, () => makeStage(folder));
    stage = place;
    const sums = new Map<string, string>();
    for (const { name } of results) sums.set(name, await bring(source, name, folder, place));
    await checkSums(place, results, sums, told.filesDigest);
    const found = await weightsDigest(place, new Map(results.map(({ name, bytes }) => [name, bytes])));
    checkDigest(found, told.digest ?? found);
    await writing(folder, () => takePlaces(place, folder, [...sums.keys()]));
    return found;
  } catch (error) {
    if (stage !== null) removeOwnFolderSync(stage, stageMark);
    // Only when it is empty, as it was made.
    if (made) await rmdir(folder).catch(() => undefined);
    throw error;
  }
}

/** What lies in a folder, but for what an interrupted `bringResults` left; empty also when there is no folder. */
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
  return name.startsWith(stagePrefix) && markOfSync(join(folder, name))?.kind === stageMark.kind;
}

/** @throws CliError when the disk has less room than the results need */
async function checkRoomFor(results: readonly StoredResult[], folder: string): Promise<void> {
  const { bavail, bsize } = await writing(folder, () => statfs(folder));
  const needed = results.reduce((sum, { bytes }) => sum + bytes, 0);
  if (needed <= bavail * bsize) return;
  throw new CliError('storage', {
    about: `model folder ${folder}`,
    problem: `its disk has ${String(bavail * bsize)} bytes free, and the results have ${String(needed)}`,
    remedy: 'free some space, or name a folder on another disk',
  });
}

/** @returns the SHA-256 of what was brought */
async function bring(source: ResultSource, name: string, folder: string, stage: string): Promise<string> {
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

/** @throws CliError unless the list of files is the one in the job's status and names these files */
async function checkSums(
  stage: string,
  results: readonly StoredResult[],
  found: ReadonlyMap<string, string>,
  told: string | undefined,
): Promise<void> {
  const list = results.find(({ name }) => name === resultSumsName);
  if (list === undefined) {
    if (told === undefined) return;
    throw untrusted(`results: found no ${resultSumsName}, which the job's status names`);
  }
  if (told !== undefined && found.get(resultSumsName) !== told) {
    throw untrusted(`result ${resultSumsName}: its SHA-256 is not the one in the job's status`);
  }
  const sums = list.bytes > maxSumsBytes ? null : readResultSums(await readFile(join(stage, resultSumsName), 'utf8'));
  if (sums === null) throw untrusted(`result ${resultSumsName}: it is no list of files and their SHA-256`);
  for (const [name, sum] of found) {
    if (name === resultSumsName || sums.get(name) === sum) continue;
    throw untrusted(`result ${name}: its SHA-256 is not the one in ${resultSumsName}`);
  }
  for (const name of sums.keys()) {
    if (!found.has(name)) throw untrusted(`results: found no ${name}, which ${resultSumsName} names`);
  }
}

function untrusted(problem: string): CliError {
  return new CliError('badInput', {
    about: '',
    problem,
    remedy: 'what lies in the object store is not what the job trained',
  });
}

/** A new one, after those that killed fetches left are gone (model/M3). */
function makeStage(folder: string): string {
  for (const name of readdirSync(folder)) {
    if (isStage(folder, name)) removeOwnFolderSync(join(folder, name), stageMark);
  }
  const stage = mkdtempSync(join(folder, stagePrefix));
  markFolderSync(stage, stageMark);
  return stage;
}

async function takePlaces(stage: string, folder: string, names: readonly string[]): Promise<void> {
  for (const name of names) refuseFolder(join(folder, name));
  const inOrder = [...names].sort((a, b) => Number(a === modelFile) - Number(b === modelFile));
  for (const name of inOrder) await rename(join(stage, name), join(folder, name));
  removeOwnFolderSync(stage, stageMark);
  await syncFolder(folder);
}

/** A rename over a folder fails: better before the first file has taken its place. */
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

/** @throws CliError */
function checkDigest(found: string, expected: string): void {
  if (found === expected) return;
  throw new CliError('badInput', {
    about: 'model',
    found: `weights with digest ${found}`,
    expected: `${expected} as the job's status says`,
    remedy: 'what lies in the object store is not what the job trained',
  });
}
