/** Folders of plain files: every regular file is a row, whatever it holds. */
import { posix } from 'node:path';

import { maxRowBytes } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import type { FarFiles } from '../far.js';
import { type FolderTable, folderTable } from './folder-table.js';
import type { Ends } from './read-files.js';
import { filesBelow } from './walk.js';

/**
 * Every regular file below a folder at any depth, in the order of the bytes of their paths. Columns of cells: `bytes`,
 * `size` (of the whole file, in bytes), `path` (relative to the root) and `extension` (in small letters without the dot;
 * null where there is none). Links are left out.
 * @param ends of a file with more bytes than both together, its first `head` and its last `tail` bytes are read; absent =
 *   whole files
 * @throws DataError when there is no file, a name cannot be used, or `ends` are out of range; ReadError
 */
export async function openFiles(folder: string, ends?: Ends, far?: FarFiles): Promise<FolderTable> {
  if (ends !== undefined) checkEnds(folder, ends);
  const listing = await filesBelow(folder, { expected: 'a folder with files', takes: () => true, files: 'Regular' });
  return folderTable(
    folder,
    listing,
    {
      bytes: { of: 'content', cell: ({ bytes }) => bytes },
      size: { of: 'content', cell: ({ size }) => size },
      path: { of: 'path', cell: (path) => path },
      extension: { of: 'path', cell: extensionOf },
    },
    { ends, far },
  );
}

function extensionOf(path: string): string | null {
  const extension = posix.extname(path);
  return extension.length > 1 ? extension.slice(1).toLowerCase() : null;
}

function checkEnds(folder: string, { head, tail }: Ends): void {
  const sound = [head, tail].every((bytes) => Number.isInteger(bytes) && bytes >= 0);
  if (sound && head + tail > 0 && head + tail <= maxRowBytes) return;
  throw new DataError({
    about: folder,
    found: `a head of ${String(head)} bytes and a tail of ${String(tail)}`,
    expected: `1 to ${String(maxRowBytes)} bytes of each file`,
    remedy: 'choose how much of each file is read',
  });
}
