/** The compute thread of a student: opens the runtime and the trainer and works its calls off. See trainer-thread.ts. */
import type { Samples, Targets } from '../data/index.js';
import {
  createTrainer,
  type StudentTrainer,
  type TrainerOptions,
  type TrainerState,
  type TrainingBatch,
} from '../models/training.js';
import { openRuntime, type RuntimeName } from '../runtimes/index.js';
import { serveCompute } from './serve.js';

/** What the main thread gives; the runtime is opened here, since there is one per thread. */
export interface TrainerSource extends Omit<TrainerOptions, 'runtime'> {
  readonly runtime: 'auto' | RuntimeName;
}

let opened: StudentTrainer | undefined;

function trainer(): StudentTrainer {
  if (opened === undefined) throw new Error('trainer thread: expected `open` before any other call');
  return opened;
}

const handlers = {
  open: async ({ runtime: name, ...options }: TrainerSource) => {
    const runtime = await openRuntime(name);
    opened = await createTrainer({ runtime, ...options });
    const { columns, inputs, parameters, notes } = opened;
    return { columns, inputs, parameters, notes, runtime };
  },
  train: (batch: TrainingBatch) => trainer().train(batch),
  evaluate: ({ samples, targets }: { readonly samples: Samples; readonly targets: Targets }) =>
    trainer().evaluate(samples, targets),
  state: () => trainer().state(),
  restore: (state: TrainerState) => {
    trainer().restore(state);
  },
  export: () => trainer().export(),
};
export type TrainerHandlers = typeof handlers;

serveCompute(handlers);
