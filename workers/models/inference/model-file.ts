/** Reads the files of a model; a file that is not there is a fault of the model, told as such. */
import { readFaultOf, readRegularSync } from '../../../src/platform/index.js';
import { ModelError } from './errors.js';

/** @throws ModelError when the file cannot be read */
export function readModelFile(path: string): Promise<Uint8Array> {
  return new Promise((settle) => {
    settle(read(path));
  });
}

function read(path: string): Uint8Array {
  try {
    return readRegularSync(path);
  } catch (cause) {
    const { found, remedy } = readFaultOf(cause, path);
    throw new ModelError({ path, found, expected: 'a model file', remedy: `${remedy} (teacher.model.uri)` }, { cause });
  }
}
