/**
 * From the uris of a job to files on this machine, by the grammar of packages/protocol/src/uri.ts: file:///path, and
 * package://name/path for files that an npm package ships. A package is looked up as Node looks it up (node_modules
 * folders upwards), but as a folder: data packages need no main file and no exports.
 *
 * Remote places come in by places.ts; no other file of the workers turns a uri into a path.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { packageFolderSync } from '@distillery/platform';
import { readUri } from '@distillery/protocol';

import { PlaceError } from './errors.js';

/** A file or folder on this machine. */
export interface LocalPlace {
  /** The uri that was resolved. */
  readonly uri: string;
  /** Absolute path; the package is there, the file itself was not looked up. */
  readonly path: string;
}

const uriRemedy = 'write file:///absolute/path or package://name/path';

/**
 * The place that `uri` names.
 * @param from file or folder from which packages are looked up; by default this one, so the workers' dependencies
 * @throws PlaceError
 */
// eslint-disable-next-line @typescript-eslint/require-await -- an error must reject, not throw
export async function resolve(uri: string, from: string = fileURLToPath(import.meta.url)): Promise<LocalPlace> {
  const read = readUri(uri);
  if (!read.ok) {
    const { clause, remedy } = read.fault;
    throw new PlaceError({ about: uri, problem: clause, remedy });
  }
  const named = read.value;
  switch (named.scheme) {
    case 'file':
      if (named.path.startsWith('/')) return { uri, path: named.path };
      throw new PlaceError({ about: uri, problem: 'the path is relative', remedy: uriRemedy });
    case 'package':
      return { uri, path: join(packageFolder(named.name, uri, from), named.path) };
    case 'https':
    case 's3':
      throw new PlaceError({ about: uri, problem: 'only files on this machine are read here', remedy: uriRemedy });
    case 'pvc':
    case 'configmap':
      throw new PlaceError({
        about: uri,
        problem: `workers read files and packages, and no ${named.scheme}://`,
        remedy: uriRemedy,
      });
  }
}

function packageFolder(name: string, uri: string, from: string): string {
  const folder = packageFolderSync(name, from);
  if (folder !== null) return folder;
  throw new PlaceError({
    about: uri,
    found: `no package ${name} in any node_modules folder above ${dirname(from)}`,
    expected: 'an installed npm package',
    remedy: `run npm install ${name}`,
  });
}
