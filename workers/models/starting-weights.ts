/**
 * The weights that a student starts from, read from a tfjs layers model: model.json and the files of weights beside it.
 * A result of a former job is one, and so is what converters write, sharded and quantized.
 *
 * Invariant: sizes are checked before anything is allocated for them.
 */
import { decodeText, isJsonObject } from '@distillery/base';
import type { NamedWeights } from '@distillery/protocol';
import { z } from 'zod';

import { ModelError } from './inference/errors.js';
import { fileKindOf, refuseHdf5Weights } from './file-kind.js';
import { fileLabels } from './keras3-weights.js';
import { maxJsonBytes, readBeside, readModelFile } from './inference/model-file.js';
import { bytesOfNumber, manifestWeightSchema } from './weights-manifest.js';

/** What a trainer takes its first weights from. */
export interface StartingWeights {
  readonly weights: readonly NamedWeights[];
  /** Names of layers that start from the seed all the same; `*` stands for any characters. */
  readonly except: readonly string[];
}

/** What a student starts as, beside its file and its seed. */
export interface StudentStart {
  /** Layers that keep their weights. */
  readonly freeze?: readonly string[] | undefined;
  /** Weights to start from; absent = all are drawn from the seed. */
  readonly weights?: StartingWeights | undefined;
}

/** Bytes of all weights: as many as a student may have (topology-shapes.ts). */
const maxBytes = 2 ** 30;

const weightSchema = manifestWeightSchema.extend({ name: z.string().min(1) });
type Weight = z.infer<typeof weightSchema>;

const fileSchema = z.looseObject({
  weightsManifest: z.array(z.looseObject({ paths: z.array(z.string()), weights: z.array(weightSchema) })).min(1),
});

/**
 * The floating-point weights of a model, in the order of the file; counters and other whole numbers are left out. Weights that
 * Keras 3 has numbered have labels for names (keras3-weights.ts).
 * @throws ModelError for a file that is no such model, or too large; ReadError when another attempt may read it
 */
export async function readStartingWeights(path: string): Promise<readonly NamedWeights[]> {
  refuseHdf5Weights(path, await fileKindOf(path));
  const { weightsManifest: groups, modelTopology } = parse(
    await readModelFile(path, maxJsonBytes, 'student.model.weights.uri'),
    path,
  );
  const labelOf = fileLabels(isJsonObject(modelTopology) ? (modelTopology.model_config ?? modelTopology) : null);
  const tensors: NamedWeights[] = [];
  let total = 0;
  for (const { paths, weights } of groups) {
    const size = weights.reduce((sum, weight) => sum + bytesOf(weight), 0);
    total += size;
    if (!(total <= maxBytes)) {
      throw fault(
        path,
        `${String(total)} bytes of weights`,
        `at most ${String(maxBytes)}`,
        'start from a smaller model',
      );
    }
    const bytes = await readGroup(path, paths, size);
    let at = 0;
    for (const weight of weights) {
      const end = at + bytesOf(weight);
      if (weight.dtype === 'float32')
        tensors.push(tensorOf({ ...weight, name: labelOf(weight.name) }, bytes.slice(at, end)));
      at = end;
    }
  }
  return tensors;
}

function parse(bytes: Uint8Array, path: string): z.infer<typeof fileSchema> {
  const expected = 'the model.json of a tfjs layers model with its weights';
  const remedy = 'name such a file in spec.student.model.weights.uri, for example the model.json of a former result';
  let value: unknown;
  try {
    value = JSON.parse(decodeText(bytes));
  } catch (cause) {
    throw fault(path, 'a file that is no JSON', expected, remedy, cause);
  }
  const parsed = fileSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const where = issue?.path.join('.') ?? '';
  throw fault(path, `JSON whose ${where === '' ? 'root' : where} is wrong (${issue?.message ?? ''})`, expected, remedy);
}

/** The files of one group, one after the other. */
async function readGroup(path: string, names: readonly string[], size: number): Promise<Uint8Array> {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const name of names) {
    const part = await readBeside(path, name, size);
    if (part.length > size - at) throw wrongSize(path, at + part.length, size);
    whole.set(part, at);
    at += part.length;
  }
  if (at !== size) throw wrongSize(path, at, size);
  return whole;
}

function wrongSize(path: string, found: number, expected: number): ModelError {
  const named = `${String(expected)}, the sum of the weights that it names`;
  return fault(path, `${String(found)} bytes of weights`, named, 'copy its files of weights again');
}

function bytesOf(weight: Weight): number {
  return weight.shape.reduce((product, axis) => product * axis, bytesOfNumber(weight));
}

/** @param bytes an array of its own: 0 is a multiple of every size of a number */
function tensorOf({ name, shape, quantization }: Weight, bytes: Uint8Array): NamedWeights {
  const { buffer } = bytes;
  if (quantization === undefined) return { name, shape, data: new Float32Array(buffer) };
  const { dtype, scale = 1, min = 0 } = quantization;
  if (dtype === 'float16') return { name, shape, data: Float32Array.from(new Float16Array(buffer)) };
  const levels = dtype === 'uint8' ? bytes : new Uint16Array(buffer);
  return { name, shape, data: Float32Array.from(levels, (level) => level * scale + min) };
}

function fault(path: string, found: string, expected: string, remedy: string, cause?: unknown): ModelError {
  return new ModelError({ path, found, expected, remedy }, cause === undefined ? undefined : { cause });
}
