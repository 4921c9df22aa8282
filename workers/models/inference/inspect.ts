/** What a model's file says of its inputs and outputs, before anything is known of the data. */
import type { ModelSession, ModelFile, ModelFormat } from './inference.js';
import { maxJsonBytes, maxOnnxBytes, readModelFile } from './model-file.js';

/**
 * Reads and opens the model; the caller closes the session.
 * @throws ModelError when the model cannot be read; ReadError
 */
export async function inspectModel(
  { format, path, threads }: Pick<ModelFile, 'format' | 'path' | 'threads'>,
  openSession: (file: ModelFile) => Promise<ModelSession>,
): Promise<ModelSession> {
  const bytes = await readModelFile(path, maxBytesOf(format));
  return openSession({ format, path, bytes, threads, note: () => undefined });
}

function maxBytesOf(format: ModelFormat): number {
  return format === 'onnx' ? maxOnnxBytes : maxJsonBytes;
}
