/** A teacher's model on its own thread, seen from the main thread. */
import {
  type InferenceSource,
  LogitsError,
  type LogitsFault,
  ModelError,
  type ModelFault,
} from '../models/inference/index.js';
import type { InferenceHandlers } from './inference-worker.js';
import type { CrossedError } from './messages.js';
import { type ComputeError, type ComputeOptions, startCompute } from './thread.js';

/** One batch's logits, with the thread's account of it. */
interface Inferred {
  /** [rows, columns] */
  readonly logits: Float32Array;
  readonly busyMs: number;
  readonly idleMs: number;
}

export interface InferenceThread {
  readonly columns: number;
  readonly digest: Uint8Array;
  readonly digestHex: string;
  readonly description: string;
  /**
   * @param samples [rows, height, width, channels]; given up by the caller
   * @throws LogitsError, ComputeError
   */
  infer(samples: Float32Array, rows: number): Promise<Inferred>;
  /** Resolves when the thread has ended; a process without its model is of no use. */
  readonly ended: Promise<ComputeError>;
  /** Waits for the batch in work, which is still answered; later ones are rejected. */
  close(): Promise<void>;
}

const revive: ComputeOptions['revive'] = new Map<string, (error: CrossedError) => Error>([
  ['ModelError', ({ fields }) => new ModelError(fields as unknown as ModelFault)],
  ['LogitsError', ({ fields }) => new LogitsError(fields as unknown as LogitsFault)],
]);

/**
 * @param module the compiled inference-worker; given only where this file does not run compiled
 * @throws ModelError, ComputeError
 */
export async function openInferenceThread(
  source: InferenceSource,
  module: URL = new URL('./inference-worker.js', import.meta.url),
): Promise<InferenceThread> {
  const thread = startCompute<InferenceHandlers>(module, { name: 'inference', ending: 'afterCall', revive });
  try {
    const { value } = await thread.call('open', source);
    return {
      ...value,
      infer: async (samples, rows) => {
        const { value: logits, busyMs, idleMs } = await thread.call('infer', { samples, rows });
        return { logits, busyMs, idleMs };
      },
      ended: thread.ended,
      close: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw error;
  }
}
