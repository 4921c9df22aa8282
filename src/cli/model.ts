/**
 * Brings a finished model out of a job's object store into a folder.
 *
 * Invariants:
 *  M1 Whole or not at all: everything is fetched and checked beside its place first; model.json, which names the rest,
 *     takes its place last.
 *  M2 Names come from a student: one that could leave the folder is refused.
 */
import { createHash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';

import { z } from 'zod';

import { codeOf, reasonOf } from '../lib/system-error.js';
import { type NamedWeights, resultPrefix, weightsDigestParts } from '../protocol/index.js';

import { CliError } from './exit.js';

/** Where the results are: the streams of a run, or a cluster's, seen by the job's reader. */
export interface ResultSource {
  list(): Promise<readonly { readonly name: string }[]>;
  /** Pieces of one object; sound when the last was followed by no error. */
  read(name: string): AsyncIterable<Uint8Array>;
}

const modelFile = 'model.json';
/** Holds what is on its way. */
const stageName = '.part';
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;

/** Names of the results in the store, without their prefix; `read` them with it. */
export async function listResults(source: ResultSource): Promise<string[]> {
  const all = await source.list();
  return all.flatMap(({ name }) => (name.startsWith(resultPrefix) ? [name.slice(resultPrefix.length)] : []));
}

/**
 * Puts the named results into the folder, replacing files of the same names.
 * @param digest of the weights, as the job's status names it; null when it names none
 * @returns the digest of what was brought
 * @throws StreamError as the source does; CliError when the digest is another or the folder cannot be written
 */
export async function bringResults(
  source: ResultSource,
  names: readonly string[],
  folder: string,
  digest: string | null,
): Promise<string> {
  for (const name of names) {
    if (!namePattern.test(name)) {
      throw new CliError(
        'badInput',
        `result ${JSON.stringify(name)}: found a name that is none of a file; the job is not to be trusted`,
      );
    }
  }
  const stage = join(folder, stageName);
  const made = await writing(folder, () => makeFolder(folder));
  try {
    await writing(folder, () => makeEmpty(stage));
    for (const name of names) await bring(source, name, folder, stage);
    const found = await weightsDigest(stage);
    checkDigest(found, digest ?? found);
    const inOrder = [...names].sort((a, b) => Number(a === modelFile) - Number(b === modelFile));
    await writing(folder, async () => {
      for (const name of inOrder) await rename(join(stage, name), join(folder, name));
      await rmdir(stage);
    });
    return found;
  } catch (error) {
    await rm(stage, { recursive: true, force: true });
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
  return names.filter((name) => name !== stageName);
}

async function bring(source: ResultSource, name: string, folder: string, stage: string): Promise<void> {
  const file = await writing(folder, () => open(join(stage, name), 'w'));
  try {
    for await (const piece of source.read(resultPrefix + name)) await writing(folder, () => file.writeFile(piece));
    await writing(folder, () => file.sync());
  } finally {
    await file.close();
  }
}

/** @returns true when there was none */
async function makeFolder(folder: string): Promise<boolean> {
  return (await mkdir(folder, { recursive: true })) !== undefined;
}

async function makeEmpty(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
}

async function writing<T>(folder: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write();
  } catch (error) {
    throw new CliError('storage', `model folder ${folder}: cannot be written (${reasonOf(error)})`, { cause: error });
  }
}

const count = z.number().int().min(0);
const modelSchema = z.object({
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string().regex(namePattern)),
      weights: z.array(z.object({ name: z.string(), shape: z.array(count), dtype: z.literal('float32') })),
    }),
  ),
});

/** @throws CliError */
function checkDigest(found: string, expected: string): void {
  if (found === expected) return;
  throw new CliError(
    'badInput',
    `model: found weights with digest ${found}, expected ${expected} as the job's status says; ` +
      'what lies in the object store is not what the job trained',
  );
}

/** The digest of a model's weights (docs/protocol.md "Results"), from its two files. @throws CliError */
async function weightsDigest(folder: string): Promise<string> {
  const hash = createHash('sha256');
  for (const part of weightsDigestParts(await readWeights(folder))) hash.update(part);
  return hash.digest('hex');
}

async function readWeights(folder: string): Promise<NamedWeights[]> {
  const broken = (reason: string, cause?: unknown): CliError =>
    new CliError('badInput', `model: ${reason}, expected model.json and weights.bin as a student writes them`, {
      cause,
    });
  let model: z.infer<typeof modelSchema>;
  try {
    model = modelSchema.parse(JSON.parse(await readFile(join(folder, modelFile), 'utf8')));
  } catch (error) {
    throw broken('found no model.json that names its weights', error);
  }
  const weights: NamedWeights[] = [];
  for (const { paths, weights: group } of model.weightsManifest) {
    const files = await Promise.all(paths.map((path) => readFile(join(folder, path)))).catch((error: unknown) => {
      throw broken(`found no ${paths.join(', ')}`, error);
    });
    const bytes = new Uint8Array(Buffer.concat(files));
    let at = 0;
    for (const { name, shape } of group) {
      const end = at + 4 * shape.reduce((product, size) => product * size, 1);
      if (end > bytes.length) throw broken(`found ${String(bytes.length)} bytes of weights, fewer than ${name} needs`);
      weights.push({ name, shape, data: new Float32Array(bytes.buffer.slice(at, end)) });
      at = end;
    }
    if (at !== bytes.length)
      throw broken(`found ${String(bytes.length)} bytes of weights, more than the ${String(at)} that are named`);
  }
  return weights;
}
