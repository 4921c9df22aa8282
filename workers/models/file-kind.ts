/** What a model file is by its first bytes, and what is said of the HDF5 that no library here reads. */
import { openRegular } from '@distillery/platform';

import { ModelError } from './inference/errors.js';

/** What a file is by its first bytes. */
export type FileKind = 'zip' | 'hdf5' | 'other';

/** A file that cannot be read is `other`: who reads it says why. */
export async function fileKindOf(path: string): Promise<FileKind> {
  try {
    const file = await openRegular(path);
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(4), 0, 4, 0);
      const start = buffer.toString('latin1', 0, bytesRead);
      return start === 'PK\x03\x04' ? 'zip' : start === '\x89HDF' ? 'hdf5' : 'other';
    } finally {
      await file.close();
    }
  } catch {
    return 'other';
  }
}

/** Refuses a file whose weights are HDF5. @throws ModelError */
export function refuseHdf5Weights(path: string, kind: FileKind): void {
  if (kind === 'other') return;
  throw new ModelError({
    path,
    found: kind === 'zip' ? 'a .keras file, whose weights are HDF5 (model.weights.h5)' : 'an HDF5 file',
    expected: 'the model.json of a tfjs layers model with its weights',
    remedy:
      'convert it with tensorflowjs_converter (Python package tensorflowjs, --output_format tfjs_layers_model), ' +
      'and name the model.json that it writes',
  });
}
