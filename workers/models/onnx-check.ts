/** Runs an exported model in onnxruntime against the trainer's own logits, before anybody else runs it. */
import { env, InferenceSession, Tensor } from 'onnxruntime-node';

import { librarySentence } from '../base/index.js';
import type { Samples } from '../samples/index.js';
import { exportOnnx, type GraphEnd, OnnxExportError, type OnnxFacts, outputName } from './export-onnx/index.js';
import type { ExportedModel } from './trainer.js';

/** Largest difference of a logit, relative to the largest logit or to 1. */
const tolerance = 1e-5;

export interface OnnxOrder {
  readonly model: ExportedModel;
  readonly facts: OnnxFacts;
  /** A few samples, their inputs in the order of the model's, and the trainer's logits for them. */
  readonly samples: Samples;
  readonly logits: Float32Array;
}

/**
 * @returns the bytes of `model.onnx`, which gives the trainer's logits
 * @throws OnnxExportError naming the layer that cannot be exported, or the difference; an error of the runtime
 */
export async function exportChecked({ model, facts, samples, logits }: OnnxOrder): Promise<Uint8Array> {
  const { bytes, inputs } = exportOnnx(model, facts);
  requireSame(await answersOf(bytes, inputs, samples), logits);
  return bytes;
}

/** @returns what onnxruntime computes for the samples */
async function answersOf(bytes: Uint8Array, inputs: readonly GraphEnd[], samples: Samples): Promise<Float32Array> {
  env.logLevel = 'fatal';
  const session = await InferenceSession.create(bytes, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 4,
  }).catch((cause: unknown) => {
    throw new OnnxExportError('model.onnx', `the ONNX runtime refuses it (${librarySentence(cause)})`, { cause });
  });
  try {
    const answers = await session.run(feedsOf(inputs, samples));
    const answer = answers[outputName];
    if (answer?.type !== 'float32') throw new OnnxExportError('model.onnx', 'its output is no float32 tensor');
    // The runtime owns the memory behind its answer: copy before it is freed.
    const copy = Float32Array.from(answer.data as Float32Array);
    answer.dispose();
    return copy;
  } finally {
    await session.release();
  }
}

/** The samples' tensors under the names of the file; both stand in the order of the model's inputs. */
function feedsOf(inputs: readonly GraphEnd[], samples: Samples): Record<string, Tensor> {
  const tensors = Object.values(samples.inputs);
  if (tensors.length !== inputs.length)
    throw new OnnxExportError('model.onnx', 'it has other inputs than the data set');
  return Object.fromEntries(
    inputs.map(({ name, type, shape }, at) => {
      const given = tensors[at];
      if (given?.dtype !== type)
        throw new OnnxExportError(`input ${name}`, `the data set gives ${String(given?.dtype)}`);
      const sizes = [samples.count, ...shape];
      return [
        name,
        given.dtype === 'float32' ? new Tensor('float32', given.data, sizes) : new Tensor('int32', given.data, sizes),
      ];
    }),
  );
}

/** @throws OnnxExportError when an answer differs, or is no number where the trainer's is one */
function requireSame(found: Float32Array, expected: Float32Array): void {
  if (found.length !== expected.length) {
    const lengths = `${String(found.length)} logits for ${String(expected.length)}`;
    throw new OnnxExportError('model.onnx', `it gives ${lengths} of the trainer`);
  }
  const largest = expected.reduce((so, value) => Math.max(so, Math.abs(value)), 1);
  // Written so that NaN is a difference.
  const at = found.findIndex((value, index) => !(Math.abs(value - (expected[index] ?? NaN)) <= tolerance * largest));
  if (at < 0) return;
  const pair = `${String(found[at])} where the trainer has ${String(expected[at])}`;
  throw new OnnxExportError('model.onnx', `run in the ONNX runtime it gives ${pair}`);
}
