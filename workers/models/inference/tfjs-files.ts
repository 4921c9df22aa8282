/**
 * The files of a tfjs model, of layers or a graph: `model.json` and, beside it, the files of weights that its manifest
 * names. Read by our own handler, since tfjs itself only fetches.
 *
 * Invariants:
 *  tfjs-files/T1 A weight file lies beside model.json, and all of them together have the size that the manifest states.
 *  tfjs-files/T2 Weights have at most `maxWeights` numbers once they are unpacked; known before a byte of them is read.
 */
import { basename } from 'node:path';

import { decodeText, isJsonObject } from '@distillery/base';
import type { io } from '@tensorflow/tfjs-core';
import { z } from 'zod';

import { librarySentence } from '../../base/index.js';
import { bytesOfNumber, manifestWeightSchema } from '../weights-manifest.js';
import { ModelError } from './errors.js';
import type { ModelFile } from './inference.js';
import { readBeside } from './model-file.js';

/** Numbers in all weights: 1 GiB. The wasm runtime has 4 GiB. */
const maxWeights = 2 ** 28;
/** A name out of the file, in a message. */
const maxNameShown = 100;

const modelJsonSchema = z.looseObject({
  modelTopology: z.record(z.string(), z.unknown()),
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()), weights: z.array(manifestWeightSchema) })),
});
export type ModelJson = z.infer<typeof modelJsonSchema>;

/** What both formats are called, for messages. */
const names = { 'tfjs-layers': 'a tfjs layers model', 'tfjs-graph': 'a tfjs graph model' } as const;
export type TfjsFormat = keyof typeof names;

/** @throws ModelError for a file that is no model.json, or that of the other format */
export function parseModelJson({ bytes, path }: Pick<ModelFile, 'bytes' | 'path'>, format: TfjsFormat): ModelJson {
  let value: unknown;
  try {
    value = JSON.parse(decodeText(bytes));
  } catch (cause) {
    throw fault(path, 'a file that is no JSON', `model.json of ${names[format]}`, 'check teacher.model.uri', cause);
  }
  const found = formatOf(value);
  if (found !== null && found !== format) {
    throw fault(path, names[found], `${names[format]}, as teacher.model.format says`, `set the format to ${found}`);
  }
  const parsed = modelJsonSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw fault(
    path,
    `JSON whose ${where === '' ? 'root' : where} is wrong (${issue?.message ?? 'unknown reason'})`,
    `model.json of ${names[format]}, with modelTopology and weightsManifest`,
    'export the model again with its weights',
  );
}

/** Only the content distinguishes the formats, and older converters do not say which one it is; null = neither. */
function formatOf(value: unknown): TfjsFormat | null {
  if (!isJsonObject(value)) return null;
  const { format, modelTopology } = value;
  if (format === 'graph-model') return 'tfjs-graph';
  if (!isJsonObject(modelTopology)) return null;
  if (Array.isArray(modelTopology.node)) return 'tfjs-graph';
  return 'class_name' in modelTopology || 'model_config' in modelTopology ? 'tfjs-layers' : null;
}

export interface Weights {
  readonly specs: io.WeightsManifestEntry[];
  readonly data: ArrayBuffer;
}

/** @throws ModelError; ReadError where another attempt may read them */
export async function readWeights(json: ModelJson, { path, note }: Pick<ModelFile, 'path' | 'note'>): Promise<Weights> {
  const weights = json.weightsManifest.flatMap((group) => group.weights);
  const sizes = weights.map(({ shape }) => shape.reduce((product, size) => product * size, 1));
  const numbers = sizes.reduce((sum, size) => sum + size, 0);
  if (!(numbers <= maxWeights)) {
    throw fault(
      path,
      `weights of ${String(numbers)} numbers`,
      `at most ${String(maxWeights)}`,
      'use a smaller model, or export it to ONNX',
    );
  }
  const expected = weights.reduce((sum, weight, at) => sum + (sizes[at] ?? 0) * bytesOfNumber(weight), 0);
  const parts: Uint8Array[] = [];
  for (const name of json.weightsManifest.flatMap(({ paths }) => paths)) {
    if (basename(name) !== name || name === '..' || name === '.') {
      const shown = JSON.stringify(name.slice(0, maxNameShown));
      throw fault(path, `a weight file named ${shown}`, 'names without folders', 'export the model again');
    }
    const part = await readBeside(path, name, expected);
    note(part);
    parts.push(part);
  }
  const found = parts.reduce((sum, part) => sum + part.length, 0);
  if (found !== expected) {
    throw fault(
      path,
      `${String(found)} bytes of weights`,
      `${String(expected)}, the sum of the weights that it names`,
      'copy its weight files again',
    );
  }
  const data = new Uint8Array(found);
  let at = 0;
  for (const part of parts) {
    data.set(part, at);
    at += part.length;
  }
  return { specs: weights as io.WeightsManifestEntry[], data: data.buffer };
}

/** What tfjs says of a model that it does not take. */
export function refusedByTfjs(path: string, format: TfjsFormat, cause: unknown): ModelError {
  const found = `a model that tfjs refuses (${librarySentence(cause)})`;
  return fault(path, found, names[format], 'export it again', cause);
}

export function fault(path: string, found: string, expected: string, remedy: string, cause?: unknown): ModelError {
  return new ModelError({ path, found, expected, remedy }, cause === undefined ? undefined : { cause });
}
