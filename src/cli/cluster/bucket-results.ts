/**
 * The result of a job in a bucket, read by a process of its own (workers/fetch/main.ts): so the command loads no client of
 * buckets. Credentials go to the process by its standard input, and into no argument, file or message.
 */
import { buffer } from 'node:stream/consumers';

import { parsedJson, printable } from '@distillery/base';
import { readResultSums, resultFiles, resultPrefix, resultSumsName, workerExitCodes } from '@distillery/protocol';
import { z } from 'zod';

import type { DistillJob } from '../../api/index.js';

import { askProcess, longestWords } from '../shared/asked-process.js';
import { CliError } from '../shared/cli-error.js';
import { maxSumsBytes, type ResultSource, type StoredResult } from '../shared/result-checks.js';

import type { JobReader } from './job-reader.js';

/** Whose credentials read a bucket: those that the job names, or those of the person. */
export type CredentialsFrom = 'job' | 'environment';

export interface BucketNeeds {
  /** The compiled file of the process. */
  readonly script: string;
  /** Its environment, without credentials. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables of AWS in the environment of the command. */
  readonly variables: Readonly<Record<string, string>>;
}

interface Credentials {
  /** For people: where they are from. */
  readonly of: string;
  readonly values: Readonly<Record<string, string>>;
}

interface Bucket {
  /** s3://BUCKET/PATH. */
  readonly store: string;
  readonly credentials: Credentials;
}

/** Which bucket of a job is read, and how. */
export interface BucketChoice {
  /** Whose credentials read it. */
  readonly credentials: CredentialsFrom;
  /** Address of its server from here; absent = the one that the credentials name. */
  readonly s3Endpoint?: string;
}

export interface BucketTools {
  readonly jobs: Pick<JobReader, 'readSecret'>;
  /** What reads buckets; null in the program of one file, which starts no processes. */
  readonly buckets: (() => Promise<BucketNeeds>) | null;
  readonly say: (line: string) => void;
  /** Aborts when the person stops the command. */
  readonly stop: AbortSignal;
}

interface Tools extends BucketNeeds {
  readonly say: (line: string) => void;
  readonly stop: AbortSignal;
}

/**
 * The keys of the Secret that a job names for its output, or the person's own: without both, requests are not signed.
 * @param secret name of the job's Secret; undefined = it names none
 * @param endpoint instead of the one that the credentials name
 * @throws CliError when there is no such Secret, or it cannot be read
 */
async function credentialsFor(
  where: {
    readonly from: CredentialsFrom;
    readonly endpoint: string | undefined;
    readonly namespace: string;
    readonly secret: string | undefined;
  },
  variables: Readonly<Record<string, string>>,
  jobs: Pick<JobReader, 'readSecret'>,
): Promise<Credentials> {
  const { from, endpoint, namespace, secret: name } = where;
  const at = endpoint === undefined ? {} : { AWS_ENDPOINT_URL: endpoint, AWS_ENDPOINT_URL_S3: endpoint };
  if (from === 'environment' || name === undefined) return { of: 'the environment', values: { ...variables, ...at } };
  const secret = await jobs.readSecret(namespace, name);
  if (secret === null) {
    throw new CliError('badInput', {
      about: `secret ${namespace}/${name}`,
      problem: 'there is no such Secret, and the job names it for its output',
      remedy: 'give credentials of your own in the variables of AWS, with --credentials environment',
    });
  }
  const keys = Object.entries(secret).filter(([key]) => key.startsWith('AWS_'));
  return { of: `the Secret ${namespace}/${name}`, values: { ...Object.fromEntries(keys), ...at } };
}

/**
 * The results of a job whose output is in a bucket.
 * @throws CliError where no bucket can be read from here
 */
export async function resultsInBucket(
  { metadata, spec }: DistillJob,
  namespace: string,
  { credentials: from, s3Endpoint: endpoint }: BucketChoice,
  { jobs, buckets, say, stop }: BucketTools,
): Promise<ResultSource> {
  const { store, secretRef } = spec.student.output;
  if (buckets === null) {
    throw new CliError('unavailable', {
      about: `job ${namespace}/${metadata.name}`,
      problem: `its results are in ${store}, and this program of one file reads no buckets`,
      remedy: 'use the same command of the npm package, or copy the objects with a client of the bucket',
    });
  }
  const needs = await buckets();
  const credentials = await credentialsFor(
    { from, endpoint, namespace, secret: secretRef?.name },
    needs.variables,
    jobs,
  );
  return bucketResults({ store, credentials }, { ...needs, say, stop });
}

/** As a source of results: of all objects at the place those that the list of files names. */
function bucketResults(bucket: Bucket, tools: Tools): ResultSource {
  const found = new Map<string, number>();
  const read = (name: string): AsyncIterable<Uint8Array> => readObject(bucket, name, found.get(name) ?? 0, tools);
  return {
    list: async () => {
      for (const { name, bytes } of await listObjects(bucket, tools)) found.set(name, bytes);
      const sums =
        (found.get(resultSumsName) ?? Infinity) > maxSumsBytes
          ? null
          : (await buffer(read(resultSumsName))).toString('utf8');
      const named = sums === null ? null : readResultSums(sums);
      // Earlier releases wrote no list. An invalid list is refused when it is checked.
      const names = named === null ? resultFiles : [resultSumsName, ...named.keys()];
      return names.flatMap((name): readonly StoredResult[] => {
        const bytes = found.get(name);
        return bytes === undefined ? [] : [{ name: resultPrefix + name, bytes }];
      });
    },
    read: (name) => read(name.slice(resultPrefix.length)),
  };
}

const listSchema = z.object({ files: z.array(z.object({ name: z.string(), bytes: z.number() })) });
/** Names of 10,000 objects, which are as many as the process lists. */
const maxListBytes = 4 * 2 ** 20;

async function listObjects(bucket: Bucket, tools: Tools): Promise<readonly StoredResult[]> {
  let text = '';
  for await (const piece of answer(bucket, null, tools)) {
    text += piece.toString('utf8');
    if (text.length > maxListBytes) throw new RangeError('the list of objects is too long');
  }
  return listSchema.parse(parsedJson(text)).files;
}

/** Yields as many bytes as were listed. @throws CliError when there are others */
async function* readObject(
  bucket: Bucket,
  name: string,
  bytes: number,
  tools: Tools,
): AsyncGenerator<Uint8Array, void, undefined> {
  let got = 0;
  for await (const piece of answer(bucket, name, tools)) {
    got += piece.length;
    if (got > bytes) break;
    yield piece;
  }
  if (got === bytes) return;
  throw new CliError('failed', {
    about: `${bucket.store.replace(/\/$/, '')}/${name}`,
    problem: 'its length changed while it was read',
    remedy: 'try again when no program writes it',
  });
}

/** What a new process writes. It has ended when this ends. @throws CliError for what it refuses */
async function* answer(
  { store, credentials }: Bucket,
  name: string | null,
  { script, environment, say, stop }: Tools,
): AsyncGenerator<Buffer, void, undefined> {
  stop.throwIfAborted();
  const words: Words = { refusal: null, others: '' };
  const heard = linesTo((line) => hear(line, words, say));
  const child = askProcess({ store, credentials, name }, { script, environment, folder: script, stop, heard });
  try {
    for await (const piece of child.output as AsyncIterable<Buffer>) yield piece;
  } finally {
    // A reader that has enough ends it; one that ended already is not there any more.
    if (child.output.readableEnded) await child.closed;
    child.kill();
    await child.closed;
  }
  stop.throwIfAborted();
  if (child.exitCode() === workerExitCodes.done) return;
  throw words.refusal ?? child.crash('the process that reads the bucket', words.others);
}

interface Words {
  refusal: CliError | null;
  others: string;
}

const messageSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('note'), text: z.string() }),
  z.object({ kind: z.literal('refuse'), sentence: z.string(), ending: z.string() }),
]);

/** Cuts text into lines; of an unfinished one the end is kept. */
function linesTo(take: (line: string) => void): (text: string) => void {
  let rest = '';
  return (text) => {
    const lines = (rest + text).split('\n');
    rest = (lines.pop() ?? '').slice(-longestWords);
    lines.forEach(take);
  };
}

/** What a process says on its standard error: a line of JSON for each message, and anything when it crashes. */
function hear(line: string, words: Words, say: (line: string) => void): void {
  const message = messageSchema.safeParse(parsedJson(line)).data;
  if (message === undefined) words.others = `${words.others}${line}\n`.slice(-longestWords);
  else if (message.kind === 'note') say(printable(message.text));
  else {
    const reason = message.ending === 'terminal' ? 'badInput' : message.ending === 'error' ? 'unavailable' : 'failed';
    words.refusal = new CliError(reason, { about: '', problem: printable(message.sentence), remedy: '' });
  }
}
