/** The compute thread of a student: opens the runtime and the trainer and serves its calls. See trainer-thread.ts. */
import type { Samples, Targets } from '../samples/index.js';
import { type StudentTrainer, type TrainerOptions, type TrainerState, type TrainingBatch } from '../models/training.js';
import { type NativeSettings, openRuntime, runtimeTable } from '../runtimes/index.js';
import type { RuntimeChoice } from '@distillery/protocol';
import { serveCompute } from './serve.js';

/** What the main thread gives; the runtime is opened here, since there is one per thread. */
export interface TrainerSource extends TrainerOptions {
  readonly runtime: RuntimeChoice;
  /** Absent = this machine has no runtime `native`. */
  readonly native?: NativeSettings;
}

let opened: StudentTrainer | undefined;

function trainer(): StudentTrainer {
  if (opened === undefined) throw new Error('trainer thread: expected `open` before any other call');
  return opened;
}

const handlers = {
  open: async ({ runtime: choice, native, ...options }: TrainerSource) => {
    const runtime = await openRuntime(choice, 'training', runtimeTable(native));
    opened = await runtime.openTrainer(options);
    const { name, description } = runtime;
    const { columns, inputs, parameters } = opened;
    const notes = [...runtime.notes, ...opened.notes];
    return { columns, inputs, parameters, notes, runtime: { name, description } };
  },
  train: (batch: TrainingBatch) => trainer().train(batch),
  evaluate: ({ samples, targets }: { readonly samples: Samples; readonly targets: Targets }) =>
    trainer().evaluate(samples, targets),
  logits: (samples: Samples) => trainer().logits(samples),
  state: () => trainer().state(),
  restore: (state: TrainerState) => {
    trainer().restore(state);
  },
  export: () => trainer().export(),
  keepWeights: () => {
    trainer().keepWeights();
  },
  useKeptWeights: () => {
    trainer().useKeptWeights();
  },
};
export type TrainerHandlers = typeof handlers;

serveCompute(handlers);
