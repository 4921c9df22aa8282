/** Folders of images: one image a file, labeled by the folder that it lies in. */
import type { FarFiles } from '../far.js';
import { type FolderTable, folderTable } from './folder-table.js';
import { filesBelow } from './walk.js';

const endings = /\.(?:png|jpe?g|webp)$/i;

/**
 * The PNG, JPEG and WebP files below a folder at any depth, in the order of the bytes of their paths. Columns of cells:
 * `image` (encoded bytes), `label` (name of the first folder below the root; null in the root itself) and `path`
 * (relative to the root). Hidden files are left out; links must lead to files of the folder.
 * @throws DataError when there is no image, or a name or a link cannot be used; ReadError
 */
export async function openImageFolder(folder: string, far?: FarFiles): Promise<FolderTable> {
  const listing = await filesBelow(folder, {
    expected: 'a folder with PNG, JPEG or WebP files',
    takes: (name) => endings.test(name),
    files: 'Visible',
  });
  return folderTable(
    folder,
    listing,
    {
      image: { of: 'content', cell: ({ bytes }) => bytes },
      label: { of: 'path', cell: labelOf },
      path: { of: 'path', cell: (path) => path },
    },
    { far },
  );
}

function labelOf(path: string): string | null {
  const end = path.indexOf('/');
  return end < 0 ? null : path.slice(0, end);
}
