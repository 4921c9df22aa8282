/**
 * Computes the digest of a model's weights from its files (docs/protocol.md "Results").
 *
 * Invariant: model.json comes from a student and is not trusted. Its sizes, names and counts are checked before they are
 * used, and weights are read piece by piece, so memory is bounded for every model.json.
 */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { inDigestOrder, resultFileNames, resultNamePattern, weightsDigestHead } from '@distillery/protocol';
import { z } from 'zod';

import { CliError } from './cli-error.js';

export const modelFile = resultFileNames.model;
/** Of a topology and the names of its weights. The largest published models have a few MiB. */
const maxModelBytes = 64 * 1024 * 1024;

const size = z.number().int().min(0);
const modelSchema = z.object({
  weightsManifest: z.array(
    z.object({
      paths: z.array(z.string().regex(resultNamePattern)),
      weights: z.array(z.object({ name: z.string(), shape: z.array(size).max(16), dtype: z.literal('float32') })),
    }),
  ),
});

/** Bytes of one file. */
interface Span {
  readonly path: string;
  readonly from: number;
  readonly to: number;
}
interface Tensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly spans: readonly Span[];
}

/**
 * @returns the SHA-256 of the weights, in hexadecimal
 * @param folder holds the files
 * @param sizes bytes of each file in it, by name
 * @throws CliError badInput when model.json and the files do not fit; the system's error
 */
export async function weightsDigest(folder: string, sizes: ReadonlyMap<string, number>): Promise<string> {
  const hash = createHash('sha256');
  for (const tensor of inDigestOrder(await tensorsIn(folder, sizes))) {
    hash.update(weightsDigestHead(tensor));
    for (const { path, from, to } of tensor.spans) {
      const stream = createReadStream(join(folder, path), { start: from, end: to - 1 });
      for await (const piece of stream as AsyncIterable<Buffer>) hash.update(piece);
    }
  }
  return hash.digest('hex');
}

function broken(reason: string, cause?: unknown): CliError {
  return new CliError(
    'badInput',
    {
      about: 'model',
      problem: `${reason}, expected model.json and weights.bin as a student writes them`,
      remedy: 'do not use this model; run the job again',
    },
    { cause },
  );
}

async function tensorsIn(folder: string, sizes: ReadonlyMap<string, number>): Promise<Tensor[]> {
  const bytes = sizes.get(modelFile);
  if (bytes === undefined) throw broken('found no model.json that names its weights');
  if (bytes > maxModelBytes) throw broken(`found a model.json of ${String(bytes)} bytes, more than a model has`);
  let groups: z.infer<typeof modelSchema>['weightsManifest'];
  try {
    groups = modelSchema.parse(JSON.parse(await readFile(join(folder, modelFile), 'utf8'))).weightsManifest;
  } catch (error) {
    throw broken('found no model.json that names its weights', error);
  }
  refuseTwice(groups.flatMap(({ paths }) => paths));
  refuseTwice(groups.flatMap(({ weights }) => weights.map(({ name }) => name)));
  return groups.flatMap(({ paths, weights }) => tensorsOf(paths, weights, sizes));
}

function refuseTwice(names: readonly string[]): void {
  const seen = new Set<string>();
  for (const name of names) {
    if (seen.has(name)) throw broken(`found ${JSON.stringify(name)} named twice in model.json`);
    seen.add(name);
  }
}

/** @returns the tensors of one group, whose bytes follow each other across its files */
function tensorsOf(
  paths: readonly string[],
  weights: readonly { readonly name: string; readonly shape: readonly number[] }[],
  sizes: ReadonlyMap<string, number>,
): Tensor[] {
  const files = paths.map((path) => {
    const bytes = sizes.get(path);
    if (bytes === undefined) throw broken(`found no ${path}`);
    return { path, bytes };
  });
  const total = files.reduce((sum, { bytes }) => sum + bytes, 0);
  let at = 0;
  const tensors = weights.map(({ name, shape }) => {
    const end = at + 4 * shape.reduce((product, length) => product * length, 1);
    if (!(end <= total)) {
      throw broken(`found ${String(total)} bytes of weights, fewer than ${JSON.stringify(name)} needs`);
    }
    const spans = spansOf(files, at, end);
    at = end;
    return { name, shape, spans };
  });
  if (at !== total) {
    throw broken(`found ${String(total)} bytes of weights, more than the ${String(at)} that are named`);
  }
  return tensors;
}

function spansOf(
  files: readonly { readonly path: string; readonly bytes: number }[],
  from: number,
  to: number,
): Span[] {
  const spans: Span[] = [];
  let start = 0;
  for (const { path, bytes } of files) {
    const span = { path, from: Math.max(0, from - start), to: Math.min(bytes, to - start) };
    if (span.from < span.to) spans.push(span);
    start += bytes;
  }
  return spans;
}
