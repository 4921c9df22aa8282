import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/**
 * The folder of an npm package, as Node looks for it: in the `node_modules` folders from `from` upwards. The package needs no
 * main file and no exports.
 * @param from file or folder
 * @returns null when it is not installed there
 */
export function packageFolderSync(name: string, from: string): string | null {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) return null;
  }
}
