/** Makes small idx data sets in their own folders, valid or with a chosen fault. */
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** An idx file: [0, 0, type, dimensions, sizes …] and the values. */
export function idx(sizes: readonly number[], values: readonly number[], type = 0x08): Uint8Array {
  const header = new DataView(new ArrayBuffer(4 + 4 * sizes.length));
  header.setUint8(2, type);
  header.setUint8(3, sizes.length);
  sizes.forEach((size, axis) => header.setUint32(4 + 4 * axis, size));
  return Uint8Array.from([...new Uint8Array(header.buffer), ...values]);
}

/** Three training images of 2 × 2 whose pixels are 10 · image + position, and one test image. */
export const soundFiles: Readonly<Record<string, Uint8Array>> = {
  'train-images-idx3-ubyte': idx([3, 2, 2], [0, 1, 2, 3, 10, 11, 12, 13, 20, 21, 22, 255]),
  'train-labels-idx1-ubyte': idx([3], [2, 0, 7]),
  't10k-images-idx3-ubyte': idx([1, 2, 2], [4, 5, 6, 7]),
  't10k-labels-idx1-ubyte': idx([1], [1]),
};

export interface Folder {
  readonly path: string;
  /** file:// uri of the folder, or of a name in it. */
  readonly uri: (name?: string) => string;
}

/** Writes `files` (names may contain folders; null omits a file) and removes them when `work` is done. */
export async function withFiles(
  files: Readonly<Record<string, Uint8Array | null>>,
  work: (folder: Folder) => Promise<void>,
): Promise<void> {
  const path = await mkdtemp(join(tmpdir(), 'distillery-idx-'));
  try {
    for (const [name, bytes] of Object.entries(files)) {
      if (bytes === null) continue;
      await mkdir(dirname(join(path, name)), { recursive: true });
      await writeFile(join(path, name), bytes);
    }
    await work({ path, uri: (name = '') => `file://${join(path, name)}` });
  } finally {
    await rm(path, { recursive: true });
  }
}
