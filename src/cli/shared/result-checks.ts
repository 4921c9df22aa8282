/**
 * Checks that results come from the job and hold what its status says, before a file of them is used.
 *
 * Invariant: names, counts and contents come from a student, and none of them is trusted (results/M2).
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { readResultSums, resultNamePattern, resultPrefix, resultSumsName } from '@distillery/protocol';

import { CliError } from './cli-error.js';

/** Where the results are: the streams of a run, or a cluster's, seen by the job's reader. */
export interface ResultSource {
  list(): Promise<readonly StoredResult[]>;
  /** Yields the pieces of one object, as many bytes as `list` says. It throws at the end when its digest is wrong. */
  read(name: string): AsyncIterable<Uint8Array>;
}

export interface StoredResult {
  readonly name: string;
  readonly bytes: number;
}

/** What the job's status says of its result. */
export interface ExpectedResult {
  /** SHA-256 of the weights. */
  readonly digest?: string;
  /** SHA-256 of the list of all files; students of earlier releases wrote none. */
  readonly filesDigest?: string;
}

/** Our student writes four files; other students may write more. */
const maxResults = 64;
/** Far more than the list of the most files that are allowed. */
export const maxSumsBytes = 64 * 1024;

/**
 * @returns the results in the store, their names without the prefix
 * @throws CliError badInput (results/M2), StreamError as the source does
 */
export async function listResults(source: ResultSource): Promise<StoredResult[]> {
  const all = await source.list();
  const results = all.flatMap(({ name, bytes }) =>
    name.startsWith(resultPrefix) ? [{ name: name.slice(resultPrefix.length), bytes }] : [],
  );
  if (results.length > maxResults) {
    throw untrusted(`results: there are ${String(results.length)}, and a job has at most ${String(maxResults)}`);
  }
  const seen = new Set<string>();
  for (const { name } of results) {
    if (!resultNamePattern.test(name)) {
      throw untrusted(`result ${JSON.stringify(name.slice(0, 200))}: not a valid file name`);
    }
    if (seen.has(name)) throw untrusted(`result ${name}: it is there twice`);
    seen.add(name);
  }
  return results;
}

/**
 * @param listDigest that of the list of files, as the job's status says; undefined when it says none
 * @throws CliError badInput unless the list has this digest and names exactly these files
 */
export async function checkSums(
  stage: string,
  results: readonly StoredResult[],
  found: ReadonlyMap<string, string>,
  listDigest: string | undefined,
): Promise<void> {
  const list = results.find(({ name }) => name === resultSumsName);
  if (list === undefined) {
    if (listDigest === undefined) return;
    throw untrusted(`results: there is no ${resultSumsName}, which the job's status names`);
  }
  if (listDigest !== undefined && found.get(resultSumsName) !== listDigest) {
    throw untrusted(`result ${resultSumsName}: its SHA-256 is not the one in the job's status`);
  }
  const sums = list.bytes > maxSumsBytes ? null : readResultSums(await readFile(join(stage, resultSumsName), 'utf8'));
  if (sums === null) throw untrusted(`result ${resultSumsName}: it is not a list of files and their SHA-256`);
  for (const [name, sum] of found) {
    if (name === resultSumsName || sums.get(name) === sum) continue;
    throw untrusted(`result ${name}: its SHA-256 is not the one in ${resultSumsName}`);
  }
  for (const name of sums.keys()) {
    if (!found.has(name)) throw untrusted(`results: there is no ${name}, which ${resultSumsName} names`);
  }
}

/** @throws CliError */
export function checkDigest(found: string, expected: string): void {
  if (found === expected) return;
  throw new CliError('badInput', {
    about: 'model',
    found: `weights with digest ${found}`,
    expected: `${expected}, as the job's status says`,
    remedy: 'do not use what is in the object store: it is not what the job trained',
  });
}

function untrusted(problem: string): CliError {
  return new CliError('badInput', {
    about: '',
    problem,
    remedy: 'do not use what is in the object store: it is not what the job trained',
  });
}
