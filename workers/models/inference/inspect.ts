/** What a model's file says of its inputs and outputs, before anything is known of the data. */
import type { ModelSession, ModelFile } from './inference.js';
import { maxModelBytes, modelFileAt, readModelFile } from './model-file.js';

/**
 * Reads and opens the model; the caller closes the session.
 * @throws ModelError when the model cannot be read; ReadError
 */
export async function inspectModel(
  { format, path: named, threads }: Pick<ModelFile, 'format' | 'path' | 'threads'>,
  openSession: (file: ModelFile) => Promise<ModelSession>,
): Promise<ModelSession> {
  const path = await modelFileAt(format, named);
  const bytes = await readModelFile(path, maxModelBytes[format]);
  return openSession({ format, path, bytes, threads, note: () => undefined });
}
