/** A student's trainer on its own thread, seen from the main thread. */
import type { NumericSpecs, Samples, Targets } from '../samples/index.js';
import {
  type Evaluation,
  type ExportedModel,
  type Measured,
  StudentModelError,
  type TrainerState,
  type TrainingBatch,
} from '../models/training.js';
import type { Runtime } from '../runtimes/index.js';
import { ComputeError, startCompute } from './thread.js';
import type { TrainerHandlers, TrainerSource } from './trainer-worker.js';

/** What one step measured, with the thread's account of it. */
interface Trained extends Measured {
  readonly busyMs: number;
  readonly idleMs: number;
}

/** Calls are served in the order made, so a state requested after step k holds step k and nothing later. */
export interface TrainerThread {
  readonly columns: number;
  /** What the model takes, in the order of its inputs. */
  readonly inputs: NumericSpecs;
  readonly parameters: number;
  /** What a person should know: of the choice of the runtime, and of changes to the model of the file. */
  readonly notes: readonly string[];
  readonly runtime: Pick<Runtime, 'name' | 'description'>;
  /** Arrays of the batch are given up by the caller. @throws an error of kind Numeric or Batch, ComputeError */
  train(batch: TrainingBatch): Promise<Trained>;
  /** Samples and targets are given up by the caller. */
  evaluate(samples: Samples, targets: Targets): Promise<Evaluation>;
  /** @param samples given up by the caller @returns logits [rows, columns] */
  logits(samples: Samples): Promise<Float32Array>;
  /** With the time that the thread took to copy it. */
  state(): Promise<TrainerState & { readonly busyMs: number }>;
  /** @throws an error of kind State when the state is of another model or optimizer */
  restore(state: TrainerState): Promise<void>;
  export(): Promise<ExportedModel>;
  keepWeights(): Promise<void>;
  useKeptWeights(): Promise<void>;
  /** Resolves when the thread has ended; a student without its trainer is of no use. */
  readonly ended: Promise<ComputeError>;
  /** Ends the thread at once, in the middle of a step if need be. */
  close(): Promise<void>;
}

export interface TrainerThreadSource extends TrainerSource {
  /** Longest time for building the model with a first trial, and for one step. */
  readonly limitSeconds: number;
}

/**
 * @param module the compiled trainer-worker; given only where this file does not run compiled
 * @throws what the thread throws: an error of kind StudentModel or Runtime; StudentModelError also when the model is not ready
 *   within the limit; ComputeError
 */
export async function openTrainerThread(
  { limitSeconds, ...source }: TrainerThreadSource,
  module: URL = new URL('./trainer-worker.js', import.meta.url),
): Promise<TrainerThread> {
  const thread = startCompute<TrainerHandlers>(module, { name: 'trainer', ending: 'interrupt', limitSeconds });
  try {
    const { value } = await thread.call('open', source);
    return {
      ...value,
      train: async (batch) => {
        const { value, busyMs, idleMs } = await thread.call('train', batch);
        return { ...value, busyMs, idleMs };
      },
      evaluate: async (samples, targets) => (await thread.call('evaluate', { samples, targets })).value,
      logits: async (samples) => (await thread.call('logits', samples)).value,
      state: async () => {
        const { value, busyMs } = await thread.call('state', undefined);
        return { ...value, busyMs };
      },
      restore: async (state) => (await thread.call('restore', state)).value,
      export: async () => (await thread.call('export', undefined)).value,
      keepWeights: async () => (await thread.call('keepWeights', undefined)).value,
      useKeptWeights: async () => (await thread.call('useKeptWeights', undefined)).value,
      ended: thread.ended,
      close: () => thread.close(),
    };
  } catch (error) {
    await thread.close();
    throw asStudentModelError(error);
  }
}

/** A model that does not finish its first trial does not finish it in another attempt, either. */
function asStudentModelError(error: unknown): unknown {
  if (!(error instanceof ComputeError) || error.end.kind !== 'stuck') return error;
  const found = `no end of it after ${String(error.end.limitSeconds)} s`;
  return new StudentModelError(
    'building it and a trial step',
    found,
    'a model that is ready within student.model.timeoutSeconds',
    { cause: error, remedy: 'make the model smaller, or raise student.model.timeoutSeconds' },
  );
}
