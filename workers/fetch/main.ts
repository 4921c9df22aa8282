/**
 * The process behind `distill fetch` for a result in a bucket: the command itself loads no client of buckets. It reads one
 * line from standard input, a `FetchRequest`. It answers on standard output with one line of JSON, or with the bytes of a
 * file and nothing else; what it has to say goes to standard error, a line of JSON each. When standard input ends, the
 * person is gone, and so is this process.
 */
import { createInterface } from 'node:readline';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

import { DistilleryError, sentenceOf } from '@distillery/base';
import { resultNamePattern, workerExitCodes } from '@distillery/protocol';
import { z } from 'zod';

import type { BucketFolder } from '../places/index.js';
import { endingOf, placesOf } from '../process/index.js';

const requestSchema = z.object({
  /** s3://BUCKET/PATH. */
  store: z.string(),
  credentials: z.object({
    /** For people: where the variables are from. */
    of: z.string(),
    values: z.record(z.string(), z.string()),
  }),
  /** The file that is read; null = which files there are. */
  name: z.string().nullable(),
});
type FetchRequest = z.infer<typeof requestSchema>;

// Ctrl-C reaches the whole foreground group; the command decides, and ends this process.
process.on('SIGINT', () => undefined);
const lines = createInterface({ input: process.stdin });
lines.once('line', (line) => void answer(requestSchema.parse(JSON.parse(line))));
lines.once('close', () => process.exit(workerExitCodes.stopped));

async function answer({ store, credentials, name }: FetchRequest): Promise<void> {
  try {
    const folder = folderOf(store, credentials);
    await (name === null ? list(folder) : write(folder.read(name)));
    process.exit(workerExitCodes.done);
  } catch (error) {
    if (!(error instanceof DistilleryError)) throw error;
    say({ kind: 'refuse', sentence: sentenceOf(error.fault), ending: endingOf(error) });
    process.exit(workerExitCodes.error);
  }
}

function folderOf(store: string, { of, values }: FetchRequest['credentials']): BucketFolder {
  const source = { kind: 'variables', values, of } as const;
  const environment = {
    cache: { folder: '', maxBytes: null },
    credentials: { dataset: source, model: source, checkpoint: source, output: source },
  };
  const log = { info: () => undefined, warn: (text: string) => say({ kind: 'note', text }) };
  return placesOf(environment, log, new AbortController().signal).bucket(store, 'output');
}

async function list(folder: BucketFolder): Promise<void> {
  // A person may keep other things there.
  const files = (await folder.list())
    .filter(({ name }) => resultNamePattern.test(name))
    .map(({ name, bytes }) => ({ name, bytes }));
  await write([`${JSON.stringify({ files })}\n`]);
}

/** No piece is read before the reader took the one before. */
async function write(pieces: Iterable<string> | AsyncIterable<Uint8Array>): Promise<void> {
  await pipeline(Readable.from(pieces), process.stdout, { end: false });
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
}

function say(message: object): void {
  process.stderr.write(`${JSON.stringify(message)}\n`);
}
