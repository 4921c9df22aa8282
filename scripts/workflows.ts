/**
 * Checks .github/workflows with actionlint, which is built once from the module that scripts/actionlint pins (about 20 s of
 * compute, needs `go`). Part of `make verify`. Exits with actionlint's exit code.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';

import { goProgram } from './go-program.ts';

const root = join(import.meta.dirname, '..');

const actionlint = await goProgram('actionlint', 'github.com/rhysd/actionlint/cmd/actionlint');
// Pass the files by name: actionlint finds no project in a linked work tree of git.
const files = globSync('.github/workflows/*.yaml', { cwd: root });
// Only some machines have shellcheck and pyflakes: without them the result is the same everywhere.
const { status, error } = spawnSync(actionlint, ['-shellcheck=', '-pyflakes=', ...files], {
  cwd: root,
  stdio: 'inherit',
});
if (error !== undefined) throw error;
process.exitCode = status ?? 1;
