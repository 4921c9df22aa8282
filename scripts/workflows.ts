/**
 * Checks .github/workflows with actionlint, which is built once from the module that scripts/actionlint pins (about 20 s of
 * compute, needs `go`). Part of `make verify`. Exits with actionlint's exit code.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { buildTools } from '../dist/test/kit/cluster/tools.js';

const root = join(import.meta.dirname, '..');
const folder = join(root, '.cache/tools');
const group = {
  name: 'actionlint',
  module: join(root, 'scripts/actionlint'),
  packages: { actionlint: 'github.com/rhysd/actionlint/cmd/actionlint' },
  versions: {},
};

await buildTools({ groups: [group], folder });
// Pass the files by name: actionlint finds no project in a linked work tree of git.
const files = globSync('.github/workflows/*.yaml', { cwd: root });
// Only some machines have shellcheck and pyflakes: without them the result is the same everywhere.
const { status, error } = spawnSync(join(folder, 'bin/actionlint'), ['-shellcheck=', '-pyflakes=', ...files], {
  cwd: root,
  stdio: 'inherit',
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
