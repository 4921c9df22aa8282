/**
 * The images of real pods, built from the repository's own Dockerfile and kept as archives until their inputs change.
 *
 * Invariants:
 *  images/B1 The Dockerfile is built unchanged; only its two bases are stand-ins (bases.ts).
 *  images/B2 Only the step that needs this machine's npm configuration sees it, and it is in no layer.
 *  images/B3 `<key>.json` is written last: if it exists, the archives that it names are complete and belong to the inputs
 *     of that key.
 */
import { createHash } from 'node:crypto';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

import { cacheFolder, repositoryRoot } from '../paths.js';

import { readArchive } from './archive.js';
import { type Bases, basesKey, makeBases } from './bases.js';
import { Buildah, type BuildOptions } from './buildah.js';
import { run } from './command.js';
import { takeLock } from '../lock.js';
import { buildTools, toolPath } from '../tools.js';

export interface Image {
  /** Name of the image in pods; no node pulls it. */
  readonly name: string;
  /** OCI archive, for `loadImage`. */
  readonly archive: string;
  /** Bytes that a registry stores and a node pulls: compressed layers and the two small documents. */
  readonly compressedBytes: number;
}
export interface Images {
  readonly operator: Image;
  readonly worker: Image;
  /** The pause image, which holds a pod's namespaces. */
  readonly pause: Image;
  /** The nats-server of the kit, in the place where the official image has it. */
  readonly nats: Image;
}

type Sizes = Readonly<Record<keyof Images, number>>;

const imageNames = ['operator', 'worker', 'pause', 'nats'] as const;
const folder = join(cacheFolder, 'images');
/** Inputs of the builds, including the contents of folders. */
const inputs = [
  '.dockerignore',
  '.npmrc',
  'Dockerfile',
  'LICENSE',
  'THIRD-PARTY-NOTICES',
  'package.json',
  'package-lock.json',
  'tsconfig.base.json',
  'scripts/image',
  'scripts/programs',
  'packages',
  'src',
  'workers',
  // Pins the nats-server.
  'test/cluster/go.mod',
];
const pauseRecipe = (base: string): string => `FROM ${base}\nUSER 65535:65535\nENTRYPOINT ["/bin/sleep", "infinity"]\n`;
const natsRecipe = 'FROM scratch\nCOPY nats-server /nats-server\nENTRYPOINT ["/nats-server"]\n';
/** Number of kept builds: several checkouts may share the cache, and a checkout may go back and forth. */
const keysKept = 4;

const say = (line: string): void => void process.stderr.write(`images: ${line}\n`);

/** Builds missing images: takes minutes on a fresh machine, half a minute after a change of sources, else nothing. */
export async function buildImages(): Promise<Images> {
  const key = await inputsKey();
  return (await readBuilt(key)) ?? withStore(async (store) => (await readBuilt(key)) ?? build(key, store));
}

interface Store {
  readonly buildah: Buildah;
  /** A folder for files that a build needs; it ends with the work. */
  readonly scratch: string;
}

/** One process at a time works with the store: a build ends with the removal of what it did not make. */
async function withStore<T>(work: (store: Store) => Promise<T>): Promise<T> {
  await mkdir(folder, { recursive: true });
  const release = await takeLock(`images-${createHash('sha256').update(folder).digest('hex').slice(0, 16)}`, () =>
    say('another process builds them; waiting'),
  );
  try {
    await buildTools();
    const buildah = await Buildah.open(folder);
    const scratch = await mkdtemp(join(folder, '.building-'));
    try {
      return await work({ buildah, scratch });
    } finally {
      await rm(scratch, { recursive: true, force: true });
    }
  } finally {
    release();
  }
}

async function build(key: string, { buildah, scratch }: Store): Promise<Images> {
  const began = performance.now();
  say('building (with nothing cached this takes minutes)');
  const { bases, common } = await dockerfile({ buildah, scratch }, key);
  // Named, so that the clean-up below leaves it for the next build.
  await buildah.build({ ...common, tag: packages, target: 'packages' });
  await writeFile(join(scratch, 'Dockerfile'), pauseRecipe(bases.runtime));
  const nats = join(scratch, 'nats');
  await mkdir(nats);
  await copyFile(toolPath('nats-server'), join(nats, 'nats-server'));
  await writeFile(join(nats, 'Dockerfile'), natsRecipe);
  const recipes: Readonly<Record<keyof Images, Omit<BuildOptions, 'tag'>>> = {
    operator: { ...common, target: 'operator' },
    worker: { ...common, target: 'worker-cpu' },
    pause: { context: scratch },
    nats: { context: nats },
  };
  const sizes = { operator: 0, worker: 0, pause: 0, nats: 0 };
  for (const name of imageNames) {
    const tag = tagOf(name, key);
    const archive = join(scratch, `${name}.tar`);
    await buildah.build({ ...recipes[name], tag });
    await buildah.save(tag, archive);
    await buildah.forget(tag);
    sizes[name] = (await readArchive(archive)).compressedBytes;
    await rename(archive, archiveOf(key, name));
    say(`${name}: ${(sizes[name] / 1e6).toFixed(1)} MB compressed`);
  }
  await buildah.keepOnly([bases.build, bases.runtime, packages]);
  await writeFile(builtFile(key), JSON.stringify(sizes));
  await dropOld();
  say(`built in ${String(Math.round((performance.now() - began) / 1_000))} s`);
  return imagesOf(key, sizes);
}

const packages = 'localhost/kit/packages:latest';

/** The build of the repository's Dockerfile. */
async function dockerfile(
  { buildah, scratch }: Store,
  key: string,
): Promise<{ readonly bases: Bases; readonly common: Omit<BuildOptions, 'tag'> }> {
  const bases = await makeBases(buildah, scratch);
  const common = {
    context: repositoryRoot,
    arguments: {
      BUILD_BASE: bases.build,
      RUNTIME_BASE: bases.runtime,
      VERSION: await packageVersion(),
      // A release passes its commit; here the key of the sources identifies the build.
      REVISION: `sources-${key}`,
      SOURCE: 'local',
    },
    ...(await npmConfiguration(scratch)),
  };
  return { bases, common };
}

/**
 * Builds one target of the Dockerfile, hands it to `use`, and forgets it.
 * @param given arguments of the build, and folders that the target copies from, by their names there
 */
export async function withTarget<T>(
  target: string,
  given: Pick<BuildOptions, 'arguments' | 'contexts'>,
  use: (image: string, buildah: Buildah) => Promise<T>,
): Promise<T> {
  return withStore(async (store) => {
    const { buildah } = store;
    const tag = `localhost/distillery/${target}:trial`;
    const { common } = await dockerfile(store, await inputsKey());
    const values = { ...common.arguments, ...given.arguments };
    await buildah.build({ ...common, ...given, arguments: values, tag, target });
    try {
      return await use(tag, buildah);
    } finally {
      await buildah.forget(tag);
    }
  });
}

async function readBuilt(key: string): Promise<Images | null> {
  const text = await readFile(builtFile(key), 'utf8').catch(() => null);
  if (text === null) return null;
  const now = new Date();
  // Marks it as in use for `dropOld`.
  await utimes(builtFile(key), now, now);
  const sizes = JSON.parse(text) as Sizes;
  return imagesOf(key, sizes);
}

function imagesOf(key: string, sizes: Sizes): Images {
  const image = (name: keyof Images): Image => ({
    name: tagOf(name, key),
    archive: archiveOf(key, name),
    compressedBytes: sizes[name],
  });
  return { operator: image('operator'), worker: image('worker'), pause: image('pause'), nats: image('nats') };
}

const tagOf = (name: keyof Images, key: string): string => `localhost/distillery/${name}:${key}`;
const archiveOf = (key: string, name: keyof Images): string => join(folder, `${key}-${name}.tar`);
const builtFile = (key: string): string => join(folder, `${key}.json`);

/** Hash of everything that determines the content of the images. */
async function inputsKey(): Promise<string> {
  const hash = createHash('sha256').update(await basesKey());
  hash.update(pauseRecipe('')).update(natsRecipe);
  for (const input of inputs) {
    for (const file of await filesBelow(join(repositoryRoot, input))) {
      hash.update(`${relative(repositoryRoot, file)}\0`).update(await readFile(file));
    }
  }
  return hash.digest('hex').slice(0, 12);
}

async function filesBelow(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((file) => !/\/(node_modules|dist)\//.test(relative(repositoryRoot, file)) && !file.endsWith('.tsbuildinfo'))
    .sort();
}

async function packageVersion(): Promise<string> {
  const manifest = await readFile(join(repositoryRoot, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

/** This user's npm configuration: registry, credentials and certificates. */
async function npmConfiguration(
  scratch: string,
): Promise<{ readonly secrets: Readonly<Record<string, string>>; readonly mounts: readonly string[] }> {
  const get = async (name: string): Promise<string> =>
    (await run('npm', ['config', 'get', name, '--loglevel=error'], { cwd: scratch })).trim();
  const files = [await get('globalconfig'), await get('userconfig')];
  const texts = await Promise.all(files.map((file) => readFile(file, 'utf8').catch(() => '')));
  const npmrc = join(scratch, 'npmrc');
  await writeFile(npmrc, `registry=${await get('registry')}\n${texts.join('\n')}\n`, { mode: 0o600 });
  const certificates = await get('cafile');
  return { secrets: { npmrc }, mounts: certificates.startsWith('/') ? [certificates] : [] };
}

async function dropOld(): Promise<void> {
  const names = (await readdir(folder)).filter((name) => /^[0-9a-f]{12}\.json$/.test(name));
  const aged = await Promise.all(names.map(async (name) => ({ name, used: (await stat(join(folder, name))).mtimeMs })));
  for (const { name } of aged.sort((a, b) => b.used - a.used).slice(keysKept)) {
    const key = name.slice(0, -'.json'.length);
    await rm(builtFile(key));
    for (const image of imageNames) await rm(archiveOf(key, image), { force: true });
  }
}
