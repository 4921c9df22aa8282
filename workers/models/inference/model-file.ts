/** Reads the files of a model; a file that is not there is a fault of the model, told as such. */
import { readFile } from 'node:fs/promises';

import { systemCode } from '../../data/index.js';
import { ModelError } from './errors.js';

/** @throws ModelError when the file cannot be read */
export async function readModelFile(path: string): Promise<Uint8Array> {
  try {
    return await readFile(path);
  } catch (cause) {
    const code = systemCode(cause);
    const found = code === 'ENOENT' ? 'nothing' : `a file that cannot be read (${code})`;
    throw new ModelError(
      { path, found, expected: 'a model file', remedy: 'check teacher.model.uri and the permissions' },
      { cause },
    );
  }
}
