/**
 * Makes `kubectl-distill` as one file for this platform: Node.js with the commands of a cluster in it (Node's "single
 * executable application"). Runs after a build.
 *
 *   node scripts/single-file/build.ts [OUT]     OUT = dist/single-file
 *
 * Writes OUT/kubectl-distill and OUT/kubectl-distill-PLATFORM-ARCH.tar.gz, which also holds LICENSE and the licenses of all
 * packages in it. Exit codes: 0 done; 1 a package without a known license, or the program does not start.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';

import { build } from 'esbuild';

import { licensesOf } from './licenses.ts';
import { withoutThisMachine } from './replaced.ts';

const root = join(import.meta.dirname, '../..');
const out = resolve(root, process.argv[2] ?? 'dist/single-file');
/** Where Node.js looks for its program; the text is part of its format. */
const sentinel = 'NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2';

rmSync(out, { recursive: true, force: true });
mkdirSync(out, { recursive: true });
const bundle = join(out, 'program.cjs');
const { metafile } = await build({
  entryPoints: [join(root, 'dist/src/cli/main.js')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  format: 'cjs',
  target: 'node24',
  minify: true,
  keepNames: true,
  metafile: true,
  // Some packages ask for it to find files beside them; none of these is reached.
  define: { 'import.meta.url': 'moduleUrl', 'import.meta.dirname': '__dirname' },
  banner: { js: 'const moduleUrl = require("node:url").pathToFileURL(process.execPath).href;' },
  plugins: [withoutThisMachine(root)],
  logLevel: 'error',
});
writeFileSync(join(out, 'LICENSES.txt'), licensesOf(Object.keys(metafile.inputs), root));
const blob = join(out, 'program.blob');
const config = join(out, 'single-file.json');
// A code cache is of one build of V8, and this is the one that runs it.
const settings = { main: bundle, output: blob, disableExperimentalSEAWarning: true, useCodeCache: true };
writeFileSync(config, JSON.stringify(settings));
execFileSync(process.execPath, ['--experimental-sea-config', config], { stdio: 'pipe' });
const program = join(out, 'kubectl-distill');
copyFileSync(process.execPath, program);
chmodSync(program, 0o755);
const isMac = process.platform === 'darwin';
if (isMac) execFileSync('codesign', ['--remove-signature', program]);
// Its library warns of sections of Node.js that it does not read; an error has another exit code.
execFileSync(
  process.execPath,
  [
    join(root, 'node_modules/postject/dist/cli.js'),
    ...[program, 'NODE_SEA_BLOB', blob],
    ...['--sentinel-fuse', sentinel],
    ...(isMac ? ['--macho-segment-name', 'NODE_SEA'] : []),
  ],
  { stdio: 'pipe' },
);
if (isMac) execFileSync('codesign', ['--sign', '-', program]);
for (const file of [bundle, blob, config]) rmSync(file);
copyFileSync(join(root, 'LICENSE'), join(out, 'LICENSE'));
const version = execFileSync(program, ['--version'], { encoding: 'utf8' }).trim();
const archive = `kubectl-distill-${process.platform}-${process.arch}.tar.gz`;
execFileSync('tar', ['-czf', join(out, archive), '-C', out, 'kubectl-distill', 'LICENSE', 'LICENSES.txt']);
process.stdout.write(`${join(out, archive)}: kubectl-distill ${version}\n`);
