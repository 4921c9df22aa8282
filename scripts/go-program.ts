/** Go programs that check this repository, each pinned by the module scripts/NAME; built once, needs `go`. */
import { join } from 'node:path';

import { buildTools } from '../dist/test/kit/cluster/tools.js';

const root = join(import.meta.dirname, '..');
const folder = join(root, '.cache/tools');

/**
 * Builds scripts/`name` unless its pins are built already.
 * @param path of the Go package
 * @returns the path of the program
 * @throws Error when `go` is missing, or with the end of the build's output
 */
export async function goProgram(name: string, path: string): Promise<string> {
  const group = { name, module: join(root, 'scripts', name), packages: { [name]: path }, versions: {} };
  await buildTools({ groups: [group], folder });
  return join(folder, 'bin', name);
}
