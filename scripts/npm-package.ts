/**
 * Makes the npm package of the command: `distill` and `kubectl distill` with the workers that `distill run` starts. Runs after
 * a build.
 *
 *   node scripts/npm-package.ts [OUT]     OUT = dist/npm; prints the path of the .tgz in it
 *
 * The root package is not published as it is: its code needs the private workspace packages, which no registry has. The
 * package has the programs with these and others in them, and asks for the packages that stay outside (ADR 68).
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';

import { bundle, writeBundle } from './programs/bundle.ts';
import { programs } from './programs/programs.ts';
import { manifestOf, workspaces } from './workspaces.ts';

const root = join(import.meta.dirname, '..');
const out = resolve(root, process.argv[2] ?? 'dist/npm');
const stage = join(out, 'package');

interface RootManifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
  readonly bin: Readonly<Record<string, string>>;
  /** The Node.js that the tests ran on. */
  readonly devDependencies: { readonly node: string };
}

const { name, version, description, license, bin, devDependencies } = JSON.parse(
  readFileSync(join(root, 'package.json'), 'utf8'),
) as RootManifest;
const bundled = await bundle(programs.command);
/** Of every manifest of ours: no package has two versions. */
const versions = Object.assign(
  {},
  ...['.', ...workspaces()].map((folder) => manifestOf(folder).dependencies ?? {}),
) as Readonly<Record<string, string>>;
const dependencies = Object.fromEntries(bundled.packages.map((one) => [one, versionOf(one)]));

/** @throws Error without one: npm would take any */
function versionOf(one: string): string {
  const wanted = versions[one];
  if (wanted === undefined)
    throw new Error(`${one}: no package.json names it. Add it to the dependencies of what imports it.`);
  return wanted;
}

rmSync(out, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
await writeBundle(join(stage, 'dist'), bundled);
for (const file of ['LICENSE', 'README.md', 'THIRD-PARTY-NOTICES']) cpSync(join(root, file), join(stage, file));
const manifest = {
  name,
  version,
  description,
  license,
  type: 'module',
  bin: Object.fromEntries(Object.entries(bin).map(([one, file]) => [one, file.replace('dist/programs/', 'dist/')])),
  files: ['dist', 'THIRD-PARTY-NOTICES'],
  engines: { node: `>=${devDependencies.node.split('.')[0] ?? ''}` },
  dependencies,
  publishConfig: { access: 'public' },
};
writeFileSync(join(stage, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
const packed = execFileSync('npm', ['--loglevel=error', 'pack', '--json', `--pack-destination=${out}`], {
  cwd: stage,
  encoding: 'utf8',
  maxBuffer: 64 * 1024 * 1024,
});
rmSync(stage, { recursive: true });
const [{ filename }] = JSON.parse(packed) as [{ readonly filename: string }];
// The chart of a release has the name that npm gives to this file.
const file = join(out, `${name}-command-${version}.tgz`);
renameSync(join(out, filename), file);
process.stdout.write(`${file}\n`);
