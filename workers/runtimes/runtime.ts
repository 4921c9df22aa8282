/**
 * What computes models. A process chooses one runtime at its start, by what the machine has or by DISTILL_RUNTIME, and
 * opens every model through it: the callers of trainers and sessions do not know which one it is (design §7).
 */
import { DistilleryError, type FaultOf } from '@distillery/base';
import type { RuntimeName } from '@distillery/protocol';
import type { ModelSession, ModelFile, ModelFormat } from '../models/inference/index.js';
import type { StudentTrainer, TrainerOptions } from '../models/training.js';

/** What a process opens a runtime for: to train a student, or to answer with a teacher's model of a format. */
export type Work = 'training' | ModelFormat;

/** A runtime that works on this thread. */
export interface Runtime {
  readonly name: RuntimeName;
  /** For people, with all that decides the bits of its results: "wasm (SIMD, 1 thread)". */
  readonly description: string;
  /** @throws StudentModelError when the model cannot be built or trained */
  openTrainer(options: TrainerOptions): Promise<StudentTrainer>;
  /** @throws ModelError when the library of the file's format refuses it */
  openSession(file: ModelFile): Promise<ModelSession>;
}

/** Why a runtime does not work here: "WebAssembly is not supported here", "use runtime cpu". */
export type Reason = FaultOf;

/** One row of the table of runtimes. */
export interface RuntimeEntry {
  readonly name: RuntimeName;
  /** Why the runtime cannot do `work` on this machine; null when it can. Loads no library that computes. */
  available(work: Work): Promise<Reason | null>;
  /**
   * Loads and starts what `work` needs, and nothing else.
   * @throws RuntimeError when a library does not start
   */
  start(work: Work): Promise<Runtime>;
}

/** A runtime that does not exist here or did not start: it does not on the next attempt, either. */
export class RuntimeError extends DistilleryError {
  override readonly name = 'RuntimeError';
  readonly kind = 'Runtime';
  readonly retry = 'Never';
  readonly runtime: string;

  constructor(runtime: string, reason: Reason) {
    super({ ...reason, about: `runtime ${runtime}` });
    this.runtime = runtime;
  }
}
