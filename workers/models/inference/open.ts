/** Opens a teacher's model of either format and makes sure, before the first work item, that it fits the data. */
import { createHash } from 'node:crypto';

import { librarySentence } from '../../base/index.js';
import { inputsText, sizeOf } from '../../data/index.js';
import type { InputSpecs } from '../../data/index.js';
import { LogitsError, ModelError } from './errors.js';
import type { Engine, EngineOutput, Inference, InputSettings, ModelFile, ModelFormat } from './inference.js';
import { arrange, arrangementFor, type ImageShape, shapeText } from './input.js';
import { maxJsonBytes, maxOnnxBytes, readModelFile } from './model-file.js';

export interface InferenceSource {
  readonly format: ModelFormat;
  /** The ONNX file, or model.json. */
  readonly path: string;
  readonly input: InputSettings;
  /** Of the data set's samples. */
  readonly inputs: InputSpecs;
  /** CPU threads for one batch. */
  readonly threads: number;
}

const digestBytes = 8;
const hashedBytes = 2 ** 28;

/**
 * @param openEngine the runtime's
 * @throws ModelError when the model cannot be read, is no classifier, or does not fit the samples
 */
export async function openInference(
  { format, path, input, inputs, threads }: InferenceSource,
  openEngine: (file: ModelFile) => Promise<Engine>,
): Promise<Inference> {
  const bytes = await readModelFile(path, format === 'onnx' ? maxOnnxBytes : maxJsonBytes);
  const hash = createHash('sha256');
  const note = (part: Uint8Array): void => {
    // A hash takes less than 2 GiB at once.
    for (let at = 0; at < part.length; at += hashedBytes) hash.update(part.subarray(at, at + hashedBytes));
  };
  note(bytes);
  const engine = await openEngine({ format, path, bytes, threads, note });
  hash.update(JSON.stringify([input.layout ?? null, input.mean ?? null, input.std ?? null]));
  const digest = Uint8Array.from(hash.digest().subarray(0, digestBytes));
  try {
    const image = onlyImage(path, inputs);
    const how = arrangementFor(path, engine.inputShape, image.shape, input);
    const size = sizeOf(image.shape);
    const columns = await probe(engine, path, how.axes);
    return {
      columns,
      digest,
      digestHex: Buffer.from(digest).toString('hex'),
      description: `${format} by ${engine.description}, ${shapeText([null, ...how.axes])} ${how.name} → [N, ${String(columns)}]`,
      infer: async ({ count: rows, inputs: given }) => {
        const pixels = given[image.name]?.data;
        if (!(pixels instanceof Float32Array) || pixels.length !== rows * size) {
          throw new RangeError(`infer: found ${pixels?.length ?? 0} values, expected ${rows} samples of ${size}`);
        }
        if (rows === 0) return new Float32Array(0);
        const { data, shape } = await engine.run(arrange(pixels, image.shape, how), [rows, ...how.axes]);
        if (shape.length !== 2 || shape[0] !== rows || shape[1] !== columns) {
          throw new ModelError({
            path,
            found: `an answer of shape ${shapeText(shape)} for ${String(rows)} samples`,
            expected: `[${String(rows)}, ${String(columns)}]`,
            remedy: 'export the model with logits as its only output, one row for each sample',
          });
        }
        checkFinite(data, columns);
        return data;
      },
      close: () => engine.close(),
    };
  } catch (error) {
    await engine.close();
    throw error;
  }
}

/** The one input of the samples: a model takes one image. @throws ModelError when they have others */
function onlyImage(path: string, inputs: InputSpecs): { readonly name: string; readonly shape: ImageShape } {
  const [only, ...others] = Object.entries(inputs);
  const [height, width, channels, ...more] = only?.[1].shape ?? [];
  const isImage = only?.[1].dtype === 'float32' && others.length === 0 && more.length === 0;
  if (only !== undefined && isImage && height !== undefined && width !== undefined && channels !== undefined) {
    return { name: only[0], shape: [height, width, channels] };
  }
  throw new ModelError({
    path,
    found: `samples of ${inputsText(inputs)}`,
    expected: 'one image of height × width × channels',
    remedy: 'use a data set of images',
  });
}

/** Runs two made-up samples, so that a model that cannot take them, or does not answer logits, never joins. */
async function probe(engine: Engine, path: string, axes: readonly number[]): Promise<number> {
  const rows = 2;
  const size = axes.reduce((product, axis) => product * axis, 1);
  const data = Float32Array.from({ length: rows * size }, (_, at) => (at % 17) / 16);
  let output: EngineOutput;
  try {
    output = await engine.run(data, [rows, ...axes]);
  } catch (cause) {
    throw new ModelError(
      {
        path,
        found: `a model that fails on a batch of shape ${shapeText([rows, ...axes])} (${librarySentence(cause)})`,
        expected: 'logits',
        remedy: 'use a model made for this data set, or correct teacher.input.layout',
      },
      { cause },
    );
  }
  const [outputRows, columns] = output.shape;
  if (output.shape.length !== 2 || outputRows !== rows || columns === undefined || columns === 0) {
    throw new ModelError({
      path,
      found: `an answer of shape ${shapeText(output.shape)} for ${String(rows)} samples`,
      expected: `[${String(rows)}, classes]`,
      remedy: 'export the model with logits as its only output, one row for each sample',
    });
  }
  if (columns > 1 && looksLikeProbabilities(output.data, columns)) {
    throw new ModelError({
      path,
      found: 'an answer whose rows are probabilities (each sums to 1)',
      expected: 'logits, which the temperature is applied to',
      remedy: 'export the model without its last softmax',
    });
  }
  return columns;
}

function looksLikeProbabilities(data: Float32Array, columns: number): boolean {
  for (let start = 0; start < data.length; start += columns) {
    const row = data.subarray(start, start + columns);
    const sum = row.reduce((total, value) => total + value, 0);
    if (!row.every((value) => value >= 0 && value <= 1) || Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}

function checkFinite(logits: Float32Array, columns: number): void {
  const at = logits.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new LogitsError({ row: Math.floor(at / columns), column: at % columns, value: String(logits[at]) });
}
