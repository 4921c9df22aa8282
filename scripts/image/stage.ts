/**
 * Writes the content of an image, from a tree where `npm ci` and `tsc -b` have run:
 *
 *   node scripts/image/stage.ts operator|worker OUT
 *
 *   OUT/node/node         Node itself, the release that the lock file names and the tests ran on
 *   OUT/packages          node_modules: what the programs import, with all that it needs, without files that are never read
 *   OUT/app               package.json, LICENSE, THIRD-PARTY-NOTICES, and dist with the programs
 *   OUT/etc               passwd and group: a user without an entry would get the group of root
 *
 * npm cannot select the packages: with one lock file for two workspaces it takes a package that is production on one side
 * and development on the other for production on both, and the operator would carry TensorFlow.js.
 */
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, sep } from 'node:path';

import { bundle, writeBundle } from '../programs/bundle.ts';
import { programs } from '../programs/programs.ts';

interface Side {
  /** Folder, below the root, of the package.json that names its dependencies. */
  readonly manifest: string;
  readonly programs: readonly string[];
}

const sides: Readonly<Record<string, Side>> = {
  operator: { manifest: '.', programs: programs.operator },
  worker: { manifest: 'workers', programs: programs.worker },
};

interface Manifest {
  readonly name?: string;
  readonly version?: string;
  readonly license?: string;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

const root = join(import.meta.dirname, '../..');
const [sideName = '', out = ''] = process.argv.slice(2);
const side = sides[sideName];
if (side === undefined || out === '') throw new Error(`usage: stage.ts ${Object.keys(sides).join('|')} OUT`);

const manifestIn = (folder: string): Manifest =>
  JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;

/**
 * The folder that Node would load `name` from for code in `folder`, with links followed; undefined when nothing is
 * installed. npm links the workspace packages.
 */
function resolve(name: string, folder: string): string | undefined {
  const candidate = join(folder, 'node_modules', name);
  if (existsSync(join(candidate, 'package.json'))) return realpathSync(candidate);
  return folder === root ? undefined : resolve(name, dirname(folder));
}

/** Folders of packages by name. @param folder of the code that imports them */
function importedBy(names: readonly string[], folder: string): Map<string, string> {
  return new Map(
    names.map((name) => {
      const target = resolve(name, folder);
      if (target === undefined) throw new Error(`${folder}: package ${name} is not installed; run npm ci`);
      return [name, target];
    }),
  );
}

/** These folders of packages, and those of all that they may load. */
function closure(folders: Iterable<string>): Set<string> {
  const found = new Set<string>();
  for (const folder of folders) addWithNeeds(folder, found);
  return found;
}

function addWithNeeds(folder: string, found: Set<string>): void {
  if (found.has(folder)) return;
  found.add(folder);
  const { dependencies, optionalDependencies, peerDependencies } = manifestIn(folder);
  for (const name of Object.keys({ ...optionalDependencies, ...peerDependencies, ...dependencies })) {
    if (name.startsWith('@types/')) continue;
    const target = resolve(name, folder);
    if (target !== undefined) addWithNeeds(target, found);
    else if (dependencies?.[name] !== undefined && optionalDependencies?.[name] === undefined) {
      throw new Error(`${folder}: dependency ${name} is not installed; run npm ci`);
    }
  }
}

const neverRead =
  /\.(map|[cm]?tsx?|md|markdown|flow|h|hpp|c|cc|gyp|gypi|html|ya?ml|tsbuildinfo)$|^tsconfig.*\.json$|^\.(?!$)/;
const neverReadFolders = new Set([
  'test',
  'tests',
  '__tests__',
  'example',
  'examples',
  'benchmark',
  'benchmarks',
  'prebuilds',
]);

/** Rules of single packages: true = the file stays. `path` is below the package's folder. */
const packageRules: readonly [package_: RegExp, keep: (path: string) => boolean][] = [
  // One bundle for Node; the other eleven forms of the same code are for browsers and bundlers.
  [/^@tensorflow\//, (path) => !path.endsWith('.js') || path.endsWith('.node.js')],
  // Libraries of 60 MB and more for each of five platforms.
  [
    /^onnxruntime-node$/,
    (path) => {
      const [, platform, arch] = /^bin\/napi-v\d+\/([^/]+)(?:\/([^/]+))?/.exec(path) ?? [];
      return (platform === undefined || platform === process.platform) && (arch === undefined || arch === process.arch);
    },
  ],
];

function stays(name: string, path: string): boolean {
  const file = basename(path);
  if (neverRead.test(file) && !/^(licen[cs]e|notice)/i.test(file)) return false;
  return packageRules.every(([pattern, keep]) => !pattern.test(name) || keep(path));
}

const posix = (path: string): string => path.split(sep).join('/');

function* filesOf(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) yield path;
    else if (entry.isDirectory() && entry.name !== 'node_modules' && !neverReadFolders.has(entry.name)) {
      yield* filesOf(path);
    }
  }
}

function copyFile(source: string, target: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(source, target);
}

function copyPackage(folder: string): void {
  const target = posix(relative(root, folder)).replace(/^workers\//, 'dist/workers/');
  const name = target.slice(target.lastIndexOf('node_modules/') + 'node_modules/'.length);
  for (const file of filesOf(folder)) {
    const path = relative(folder, file);
    if (stays(name, posix(path))) copyFile(file, join(out, 'packages', target, path));
  }
}

if (existsSync(out) && readdirSync(out).length > 0) {
  throw new Error(`${out}: it holds something already. Name a new or an empty folder.`);
}
copyFile(join(root, 'node_modules/node/bin/node'), join(out, 'node/node'));
chmodSync(join(out, 'node/node'), 0o755);
const bundled = await bundle(side.programs);
await writeBundle(join(out, 'app/dist'), bundled);
const imported = importedBy(bundled.packages, join(root, side.manifest));
for (const folder of closure(imported.values())) copyPackage(folder);
mkdirSync(join(out, 'etc'));
writeFileSync(
  join(out, 'etc/passwd'),
  'root:x:0:0:root:/root:/usr/sbin/nologin\ndistillery:x:10001:10001::/app:/usr/sbin/nologin\n',
);
writeFileSync(join(out, 'etc/group'), 'root:x:0:\ndistillery:x:10001:\n');
for (const text of ['LICENSE', 'THIRD-PARTY-NOTICES']) copyFile(join(root, text), join(out, 'app', text));
const { name, version, license } = manifestIn(join(root, side.manifest));
const dependencies = Object.fromEntries(
  [...imported].map(([one, folder]) => [one, manifestIn(folder).version] as const),
);
writeFileSync(
  join(out, 'app/package.json'),
  `${JSON.stringify({ name, version, license, private: true, type: 'module', dependencies }, null, 2)}\n`,
);
