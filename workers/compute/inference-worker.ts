/** The compute thread of a teacher: opens its model and answers batches. Started by inference-thread.ts. */
import type { Samples } from '../data/index.js';
import { type Inference, type InferenceSource, openInference } from '../models/inference/index.js';
import { serveCompute } from './serve.js';

let opened: Inference | undefined;

function inference(): Inference {
  if (opened === undefined) throw new Error('inference thread: expected `open` before any other call');
  return opened;
}

const handlers = {
  open: async (source: InferenceSource) => {
    opened = await openInference(source);
    const { columns, digest, digestHex, description } = opened;
    // A copy, since results are moved out of this thread.
    return { columns, digest: digest.slice(), digestHex, description };
  },
  infer: (samples: Samples) => inference().infer(samples),
};
export type InferenceHandlers = typeof handlers;

serveCompute(handlers);
