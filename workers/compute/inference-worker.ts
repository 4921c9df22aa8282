/** The compute thread of a teacher: opens its model and answers batches. Started by inference-thread.ts. */
import type { Samples } from '../data/index.js';
import { type Inference, type InferenceSource, openInference } from '../models/inference/index.js';
import { type NativeSettings, openRuntime, runtimeTable } from '../runtimes/index.js';
import type { RuntimeChoice } from '@distillery/protocol';
import { serveCompute } from './serve.js';

/** What the main thread gives; the runtime is opened here, since there is one per thread. */
export interface InferenceWorkerSource extends InferenceSource {
  readonly runtime: RuntimeChoice;
  /** Absent = this machine has no runtime `native`. */
  readonly native?: NativeSettings;
}

let opened: Inference | undefined;

function inference(): Inference {
  if (opened === undefined) throw new Error('inference thread: expected `open` before any other call');
  return opened;
}

const handlers = {
  open: async ({ runtime: choice, native, ...source }: InferenceWorkerSource) => {
    const runtime = await openRuntime(choice, source.format, runtimeTable(native));
    opened = await openInference(source, (file) => runtime.openEngine(file));
    const { columns, digest, digestHex, description, notes } = opened;
    // A copy, since results are moved out of this thread.
    return { columns, digest: digest.slice(), digestHex, description, notes: [...runtime.notes, ...notes] };
  },
  infer: (samples: Samples) => inference().infer(samples),
};
export type InferenceHandlers = typeof handlers;

serveCompute(handlers);
