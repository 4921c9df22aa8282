/**
 * Makes the npm package of the command: `distill` and `kubectl distill` with the workers that `distill run` starts. Runs after
 * a build.
 *
 *   node scripts/npm-package.ts [OUT]     OUT = dist/npm; prints the path of the .tgz in it
 *
 * The root package is not published as it is: its code needs the private workspace packages, which no registry has. The
 * package carries them (`bundleDependencies`), and asks for what they and the workers need.
 */
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import process from 'node:process';

import { manifestOf, workspaces } from './workspaces.ts';

const root = join(import.meta.dirname, '..');
const out = resolve(root, process.argv[2] ?? 'dist/npm');
const stage = join(out, 'package');

/** Without types and maps: no program imports the command. */
const isRead = (path: string): boolean => !/\.(d\.ts|map|tsbuildinfo)$/.test(path);

function copy(from: string, to: string): void {
  cpSync(join(root, from), join(stage, to), { recursive: true, filter: isRead });
}

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
const own = workspaces();
const ownNames = new Set(own.map((folder) => manifestOf(folder).name));
const bundled = own.filter((folder) => folder.startsWith('packages/'));
const needed = Object.fromEntries(
  ['.', ...own]
    .flatMap((folder) => Object.entries(manifestOf(folder).dependencies ?? {}))
    .filter(([dependency]) => !ownNames.has(dependency))
    .toSorted(([a], [b]) => a.localeCompare(b)),
);
const bundleDependencies = bundled.map((folder) => manifestOf(folder).name);

rmSync(out, { recursive: true, force: true });
mkdirSync(stage, { recursive: true });
copy('dist/src', 'dist/src');
copy('dist/workers', 'dist/workers');
for (const file of ['LICENSE', 'README.md']) copy(file, file);
for (const folder of bundled) {
  const to = join('node_modules', manifestOf(folder).name);
  copy(join(folder, 'dist'), join(to, 'dist'));
  // Their own dependencies stand in the package's list: npm would look for those in the bundle as well.
  const carried = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as Record<string, unknown>;
  delete carried.dependencies;
  writeFileSync(join(stage, to, 'package.json'), `${JSON.stringify(carried, null, 2)}\n`);
}
const manifest = {
  name,
  version,
  description,
  license,
  type: 'module',
  bin,
  files: ['dist'],
  engines: { node: `>=${devDependencies.node.split('.')[0] ?? ''}` },
  dependencies: { ...needed, ...Object.fromEntries(bundleDependencies.map((one) => [one, version])) },
  bundleDependencies,
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
