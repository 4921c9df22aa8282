import { type Inference, type InferenceSource, openInference } from '../../../workers/models/inference/index.js';
import { openRuntime } from '../../../workers/runtimes/index.js';

/** A teacher's model on the runtime that this machine prefers. */
export async function opened(source: InferenceSource): Promise<Inference> {
  const runtime = await openRuntime('auto', source.format);
  return openInference(source, (file) => runtime.openSession(file));
}
