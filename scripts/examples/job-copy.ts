/** The copy of an example's job that is run: the file that people read, with absolute paths, a seed and some changes. */
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, relative, resolve, sep } from 'node:path';

import { readUri, uriText } from '@distillery/protocol';
import { parseDocument, visit } from 'yaml';

import type { Edit } from './example.ts';

export interface JobCopy {
  /** The job file of the example. */
  readonly source: string;
  /** The folder that its uris name for prepared data, and the folder that takes its place. */
  readonly named: string;
  readonly data: string;
  readonly seed: number | null;
  readonly edits: readonly Edit[];
}

/** Writes the copy to `target`. */
export function writeJobCopy(target: string, { source, named, data, seed, edits }: JobCopy): void {
  const document = parseDocument(readFileSync(source, 'utf8'));
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value !== 'string' || !node.value.startsWith('file://')) return;
      const uri = readUri(node.value);
      if (!uri.ok || uri.value.scheme !== 'file') return;
      const path = resolve(dirname(source), uri.value.path);
      const inside = relative(named, path);
      const isOutside = inside === '..' || inside.startsWith(`..${sep}`);
      node.value = uriText({ ...uri.value, path: isOutside ? path : resolve(data, inside) });
    },
  });
  for (const [path, value] of edits) document.setIn(path, value);
  if (seed !== null) document.setIn(['spec', 'training', 'seed'], seed);
  writeFileSync(target, document.toString({ lineWidth: 0 }));
}
