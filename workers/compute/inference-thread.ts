/** A teacher's model on its own thread, seen from the main thread. */
import { statementOf } from '@distillery/base';

import type { Samples } from '../samples/index.js';
import { formatsOf, ModelError, type SeenText, type TeacherSource } from '../models/inference/index.js';
import type { InferenceHandlers, InferenceWorkerSource } from './inference-worker.js';
import { ComputeError, startCompute } from './thread.js';

/** One batch's logits, with the thread's account of it. */
interface Inferred {
  /** [rows, columns] */
  readonly logits: Float32Array;
  readonly busyMs: number;
  readonly idleMs: number;
}

interface Called {
  readonly value: Float32Array;
  readonly busyMs: number;
  readonly idleMs: number;
}

export interface InferenceThread {
  readonly columns: number;
  readonly digest: Uint8Array;
  readonly digestHex: string;
  readonly description: string;
  /** What a person should know: of the choice of the runtime, of the model's answers, of likely mistakes. */
  readonly notes: readonly string[];
  /** The models of an ensemble, each alone: for the self-test. Empty for one model. */
  readonly members: readonly (Pick<InferenceThread, 'columns' | 'infer' | 'textsOf'> & { readonly name: string })[];
  /**
   * @param samples given up by the caller
   * @throws ComputeError; what the model throws: an error of kind Logits
   */
  infer(samples: Samples): Promise<Inferred>;
  /** @param samples given up by the caller @returns as `Inference.textsOf` */
  textsOf(samples: Samples): Promise<readonly SeenText[] | null>;
  /** Resolves when the thread has ended; a process without its model is of no use. */
  readonly ended: Promise<ComputeError>;
  /** Waits for the batch in work, which is still answered; later ones are rejected. */
  close(): Promise<void>;
}

export interface InferenceThreadSource extends InferenceWorkerSource {
  /** Longest time for loading with a first trial, and for one batch. */
  readonly limitSeconds: number;
}

/**
 * @param module the compiled inference-worker; given only where this file does not run compiled
 * @throws what the thread throws: an error of kind Model or Read; ModelError also when the model is not ready within the limit;
 *   ComputeError
 */
export async function openInferenceThread(
  { limitSeconds, ...source }: InferenceThreadSource,
  module: URL = new URL('./inference-worker.js', import.meta.url),
): Promise<InferenceThread> {
  // onnxruntime and TensorFlow are native code; tfjs runs in JavaScript and wasm, which can be interrupted.
  const formats = formatsOf(source);
  const ending = formats.has('onnx') || formats.has('saved-model') ? 'afterCall' : 'interrupt';
  const thread = startCompute<InferenceHandlers>(module, { name: 'inference', ending, limitSeconds });
  try {
    const { value } = await thread.call('open', source);
    return {
      ...value,
      members: value.members.map((name, at) => ({
        name,
        columns: value.columns,
        infer: async (samples) => inferred(await thread.call('infer', { at, samples })),
        textsOf: async (samples) => (await thread.call('textsOf', { at, samples })).value,
      })),
      infer: async (samples) => inferred(await thread.call('infer', { at: null, samples })),
      textsOf: async (samples) => (await thread.call('textsOf', { at: null, samples })).value,
      ended: thread.ended,
      close: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw asModelError(error, pathsOf(source));
  }
}

function inferred({ value, busyMs, idleMs }: Called): Inferred {
  return { logits: value, busyMs, idleMs };
}

/** The files of all models, for messages. */
export function pathsOf({ path, ensemble }: TeacherSource): string {
  return [path, ...(ensemble?.members ?? []).map((member) => member.path)].join(', ');
}

/**
 * As `asModelError`; and a model whose library fails on the first samples, which are always the same, fails on them in
 * every attempt.
 * @returns the error, or a ModelError in its place
 */
export function asSelfTestError(error: unknown, path: string): unknown {
  if (!(error instanceof ComputeError) || error.end.kind !== 'failed') return asModelError(error, path);
  return new ModelError(
    {
      path,
      found: `an error of its library on the first training samples (${statementOf(error.fault)})`,
      expected: 'answers',
      remedy: 'check teacher.inputs, teacher.tokenizer (uri and maxTokens) and dataset.fields against the model',
    },
    { cause: error },
  );
}

/**
 * A model that does not finish its first samples does not finish them in another attempt, either.
 * @returns the error, or a ModelError in its place
 */
function asModelError(error: unknown, path: string): unknown {
  if (!(error instanceof ComputeError) || error.end.kind !== 'stuck') return error;
  const { limitSeconds } = error.end;
  return new ModelError(
    {
      path,
      found: `no answer to its first samples after ${String(limitSeconds)} s`,
      expected: 'a model that loads and answers within teacher.model.timeoutSeconds',
      remedy: 'check the model for a loop that does not end, or raise teacher.model.timeoutSeconds if it is only large',
    },
    { cause: error },
  );
}
