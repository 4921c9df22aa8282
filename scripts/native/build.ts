/**
 * Builds what the runtime `native` loads: TensorFlow's libraries out of its wheel, our binding compiled against them, and
 * the kernels of tfjs-node. A build for CUDA serves the runtime `cuda` too, and has NVIDIA's libraries.
 *
 * Invariant: the folder is whole or not there. It is filled under a temporary name, the binding has multiplied two
 * matrices, then it is renamed; a stop removes it, and a later build removes what a killed one left.
 */
import { constants } from 'node:fs';
import { access, copyFile, mkdir, mkdtemp, readdir, rename, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { nativeCudaFolder, nativeFolderName } from '@distillery/protocol';

import { nativeFiles } from '../../dist/workers/runtimes/native/addon.js';
import { isForCuda } from '../../dist/workers/runtimes/native/settings.js';

import { fetchPackages, fetchWheel } from './fetch.ts';
import { bundledKernels } from './kernels.ts';
import { libraries, packages, tensorflowVersion, type Variant, variants } from './pins.ts';
import { checkTools, NativeBuildError, type Tools, toolsIn } from './tools.ts';

export interface NativeBuildOptions {
  /** For the processor alone, or for NVIDIA devices too. */
  readonly variant: keyof typeof variants;
  /** As `cacheFolderOf` returns it. */
  readonly cacheFolder: string | null;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** Of the programs that are called. */
  readonly environment: NodeJS.ProcessEnv;
  readonly nowMs: number;
  readonly progress: (line: string) => void;
  readonly stop: AbortSignal;
}

const source = join(import.meta.dirname, '../../workers/runtimes/native/binding.cc');
const temporary = /^\.native-[A-Za-z0-9]{6}$/;
/** Longer than any build takes. */
const abandonedMs = 7_200_000;

/**
 * @returns the folder, built now or before
 * @throws NativeBuildError with what to do; the signal's reason once it aborts
 */
export async function buildNative(options: NativeBuildOptions): Promise<string> {
  const { cacheFolder, platform, arch, environment, progress } = options;
  if (platform !== 'linux' || arch !== 'x64') {
    throw refused(`found ${platform} on ${arch}, and TensorFlow's wheel is for linux on x64`, 'use runtime wasm');
  }
  if (cacheFolder === null) throw refused('there is no cache folder', 'set XDG_CACHE_HOME to an absolute path');
  const target = join(cacheFolder, nativeFolderName);
  const isBuilt = async (): Promise<boolean> =>
    (await exists(join(target, nativeFiles.build))) && (options.variant === 'cpu' || isForCuda(target));
  if (await isBuilt()) return target;
  const variant = variants[options.variant];
  await mkdir(cacheFolder, { recursive: true });
  await sweep(cacheFolder, options.nowMs);
  await checkRoom(cacheFolder, variant);
  const folder = await mkdtemp(join(cacheFolder, '.native-'));
  try {
    const tools = toolsIn(folder, options, environment);
    await checkTools(tools);
    await fetchPackages(folder, tools);
    for (const wheel of variant.wheels) await fetchWheel(folder, wheel, tools);
    const built = await assemble(folder, options.variant === 'cuda', tools);
    const bytes = await sizeOf(built);
    const size = `${(bytes / 1e6).toFixed(0)} MB`;
    if (bytes > variant.mostBytes) {
      throw refused(
        `it has ${size}, at most ${(variant.mostBytes / 1e6).toFixed(0)} MB`,
        'leave out what no model needs',
      );
    }
    await rm(target, { recursive: true, force: true });
    await rename(built, target);
    progress(`native: built in ${target} (${size})`);
    return target;
  } catch (error) {
    // Another process may have been faster.
    if (await isBuilt()) return target;
    throw asBuildError(error);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the folder with the finished files */
async function assemble(folder: string, cuda: boolean, tools: Tools): Promise<string> {
  const built = join(folder, 'built');
  await mkdir(join(built, 'lib'), { recursive: true });
  for (const name of libraries) {
    const from = join(folder, 'tensorflow', name);
    const to = join(built, 'lib', name);
    // A third of their size are symbols for debuggers.
    await tools.run('strip', ['--strip-unneeded', '-o', to, from]).catch(() => copyFile(from, to));
    await rm(from);
  }
  // Where the libraries of TensorFlow look for them: beside their own folder.
  if (cuda) await rename(join(folder, 'nvidia'), join(built, nativeCudaFolder));
  await keepLicenses(folder, built);
  tools.progress('native: compiling the binding');
  const include = [`-I${join(folder, 'node-api-headers/include')}`, `-I${join(folder, 'tensorflow/include')}`];
  const link = [`-L${join(built, 'lib')}`, ...libraries.map((name) => `-l:${name}`), '-Wl,-rpath,$ORIGIN/lib'];
  const flags = ['-std=c++17', '-O2', '-shared', '-fPIC', '-DNAPI_VERSION=8'];
  await tools.run('g++', [...flags, ...include, source, '-o', join(built, nativeFiles.binding), ...link]);
  await writeFile(join(built, nativeFiles.kernels), bundledKernels(join(folder, 'tfjs-node')));
  await tools.run(process.execPath, ['-e', trial, join(built, nativeFiles.binding)]);
  const record = { tensorflow: tensorflowVersion, packages };
  await writeFile(join(built, nativeFiles.build), `${JSON.stringify(record, null, 2)}\n`);
  return built;
}

/** Multiplies [1, 2; 3, 4] by itself. */
const trial = `
const binding = require(process.argv[1]);
binding.open(new Uint8Array());
const matrix = binding.createTensor(1, [2, 2], new Uint8Array(Float32Array.of(1, 2, 3, 4).buffer));
const [product] = binding.executeOp('MatMul', [], [matrix, matrix], 1);
if (new Float32Array(binding.readTensor(product.id)).join() !== '7,10,15,22') throw new Error('a wrong product');
`;

/** Of wheels, each in a file of the wheel's name. */
async function keepLicenses(folder: string, built: string): Promise<void> {
  const ending = '.dist-info';
  for (const name of (await readdir(folder)).filter((each) => each.endsWith(ending))) {
    for (const file of await readdir(join(folder, name), { recursive: true, withFileTypes: true })) {
      if (!file.isFile()) continue;
      await mkdir(join(built, 'licenses'), { recursive: true });
      await rename(join(file.parentPath, file.name), join(built, 'licenses', `${name.slice(0, -ending.length)}.txt`));
    }
  }
}

/** Of all files below a folder. */
async function sizeOf(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

async function checkRoom(folder: string, { neededBytes }: Variant): Promise<void> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  if (free >= neededBytes) return;
  const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  throw refused(
    `${folder} has ${gibibytes(free)} free, and a build needs ${gibibytes(neededBytes)}`,
    'free some space, or set XDG_CACHE_HOME to a folder on another disk',
  );
}

async function sweep(cacheFolder: string, nowMs: number): Promise<void> {
  for (const name of (await readdir(cacheFolder)).filter((each) => temporary.test(each))) {
    const folder = join(cacheFolder, name);
    const { mtimeMs } = await stat(folder).catch(() => ({ mtimeMs: nowMs }));
    if (nowMs - mtimeMs > abandonedMs) await rm(folder, { recursive: true, force: true });
  }
}

function asBuildError(error: unknown): unknown {
  if (error instanceof NativeBuildError || !(error instanceof Error)) return error;
  if (error.name === 'AbortError') return error;
  return new NativeBuildError(
    { about: 'runtime native', problem: `it cannot be built (${error.message})`, remedy: 'use runtime wasm' },
    { cause: error },
  );
}

function refused(problem: string, remedy: string): NativeBuildError {
  return new NativeBuildError({ about: 'runtime native', problem, remedy });
}

async function exists(file: string): Promise<boolean> {
  return access(file, constants.R_OK).then(
    () => true,
    () => false,
  );
}
