/** What a model's file says of its inputs and outputs, before anything is known of the data. */
import type { Engine, ModelFile, ModelFormat } from './inference.js';
import { maxJsonBytes, maxOnnxBytes, readModelFile } from './model-file.js';

/**
 * Reads and opens the model; the caller closes the engine.
 * @throws ModelError when the model cannot be read; ReadError
 */
export async function inspectModel(
  { format, path, threads }: Pick<ModelFile, 'format' | 'path' | 'threads'>,
  openEngine: (file: ModelFile) => Promise<Engine>,
): Promise<Engine> {
  const bytes = await readModelFile(path, maxBytesOf(format));
  return openEngine({ format, path, bytes, threads, note: () => undefined });
}

function maxBytesOf(format: ModelFormat): number {
  return format === 'onnx' ? maxOnnxBytes : maxJsonBytes;
}
