/**
 * Fetches packages from the registries, by the package managers as they are configured on this machine.
 *
 * Invariant:
 *  packages/P1 What is unpacked has the SHA-256 digest that the example names. The folder of a package is whole or absent
 *     (whole-folder/W1).
 */
import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { codeOf, sentenceOf } from '@distillery/base';

import { CliError } from '../../dist/src/cli/shared/cli-error.js';
import { runTool, ToolError, type ToolOptions } from '../../dist/src/stream/server/tool.js';

import { wholeFolder } from './whole-folder.ts';

/** A package of a registry, and the digest of its archive. */
export type Package = {
  /** Of Maven: GROUP:ARTIFACT. */
  readonly name: string;
  readonly version: string;
  /** Of the archive, 64 hexadecimal digits. */
  readonly sha256: string;
} & (
  | { readonly registry: 'npm' | 'maven' }
  /** `platform` names one wheel of several, such as manylinux_2_28_x86_64; absent = the wheel that fits all machines. */
  | { readonly registry: 'pypi'; readonly kind: 'wheel'; readonly platform?: string }
  | { readonly registry: 'pypi'; readonly kind: 'source' }
);

export interface FetchOptions {
  /** Holds one folder for each package. */
  readonly folder: string;
  /** Of the package managers: PATH, proxies, HOME. */
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
  readonly stop: AbortSignal;
  /** Waits between tries; one try more than waits. */
  readonly waitsMs?: readonly number[];
}

const downloadLimitMs = 600_000;
const unpackLimitMs = 120_000;
const mavenPlugin = 'org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy';
const managers = { npm: 'npm', pypi: 'pip', maven: 'mvn' } as const;
/** Program of each manager, and how a machine without it gets one. */
const programs = {
  npm: ['npm', 'Install Node.js with npm'],
  pypi: ['python3', 'Install Python 3 with pip'],
  maven: ['mvn', 'Install Apache Maven'],
} as const;

/** Commands that end with 0 where packages of the registry can be fetched and unpacked. */
export const probes: Readonly<Record<Package['registry'], readonly (readonly string[])[]>> = {
  npm: [['npm', '--version']],
  pypi: [['python3', '-m', 'pip', '--version']],
  maven: [
    ['mvn', '--version'],
    ['python3', '--version'],
  ],
};

/** Where the content of a package lies: `NAME-VERSION`, with `-` for what no name of a folder should hold. */
function packageFolder(folder: string, { name, version }: Pick<Package, 'name' | 'version'>): string {
  return join(folder, `${name.replaceAll(/[^\w.-]+/g, '-').replace(/^-/, '')}-${version}`);
}

/**
 * @returns the folder with the content of the package: of npm without its `package/`, of a wheel or a jar as it is packed
 * @throws CliError; the reason of `stop` once it aborts
 */
export async function fetchPackage(wanted: Package, options: FetchOptions): Promise<string> {
  const target = packageFolder(options.folder, wanted);
  await wholeFolder(target, `${wanted.sha256}\n`, async (folder) => {
    const startMs = performance.now();
    options.progress(`${wanted.name} ${wanted.version}: downloading with ${managers[wanted.registry]}`);
    const parts = join(folder, '.download');
    mkdirSync(parts);
    const archive = await download(wanted, parts, options);
    await checkDigest(archive, wanted);
    const mib = (statSync(archive).size / 2 ** 20).toFixed(1);
    await unpack(archive, folder, options).catch((error: unknown) => {
      throw error instanceof ToolError ? unpackFault(wanted, error) : error;
    });
    rmSync(parts, { recursive: true });
    const seconds = ((performance.now() - startMs) / 1_000).toFixed(0);
    options.progress(`${wanted.name} ${wanted.version}: ${mib} MiB in ${seconds} s`);
  });
  return target;
}

/** @returns the path of the archive */
async function download(wanted: Package, folder: string, options: FetchOptions): Promise<string> {
  const { progress, stop, waitsMs = [1_000, 5_000] } = options;
  const [command, ...args] = commandFor(wanted, folder);
  for (let tries = 0; ; tries++) {
    try {
      await runTool(command, args, toolOptions(folder, downloadLimitMs, options));
      const [archive] = readdirSync(folder).filter((name) => /\.(tgz|whl|jar|tar\.gz|zip)$/.test(name));
      if (archive !== undefined) return join(folder, archive);
      throw new ToolError({ about: '', problem: `${command} downloaded no archive`, remedy: '' });
    } catch (error) {
      if (!(error instanceof ToolError)) throw error;
      // The last line of pip, which checks a source archive itself.
      const other = /^Got +([0-9a-f]{64})$/.exec(error.message.trim())?.[1];
      if (other !== undefined) throw otherDigest(wanted, other);
      const fault = faultOf(wanted, error);
      const waitMs = waitsMs[tries];
      if (isMissing(error) || waitMs === undefined) throw fault;
      progress(`${sentenceOf({ ...fault.fault, remedy: '' })}; trying again`);
      await sleep(waitMs, undefined, { signal: stop });
    }
  }
}

function commandFor(wanted: Package, folder: string): readonly [string, ...string[]] {
  const { name, version } = wanted;
  switch (wanted.registry) {
    case 'npm': {
      const flags = ['--loglevel=error', '--ignore-scripts', '--pack-destination', folder];
      return ['npm', 'pack', ...flags, `${name}@${version}`];
    }
    case 'pypi': {
      const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--dest', folder];
      if (wanted.kind === 'wheel') {
        const platform = wanted.platform === undefined ? [] : ['--platform', wanted.platform];
        return ['python3', ...pip, '--only-binary=:all:', ...platform, `${name}==${version}`];
      }
      // pip runs code of a source archive to read its name: only after it has checked the digest itself.
      const file = join(folder, 'requirements.txt');
      writeFileSync(file, `${name}==${version} --hash=sha256:${wanted.sha256}\n`);
      return ['python3', ...pip, '--no-binary=:all:', '--require-hashes', '-r', file];
    }
    case 'maven': {
      const properties = Object.entries({ outputDirectory: folder, artifact: `${name}:${version}:jar` });
      return ['mvn', '--batch-mode', '--quiet', mavenPlugin, ...properties.map(([key, value]) => `-D${key}=${value}`)];
    }
  }
}

/** The program is not on PATH. */
function isMissing(error: ToolError): boolean {
  return codeOf(error.cause) === 'ENOENT' || error.message.includes('No module named pip');
}

function faultOf(wanted: Package, error: ToolError): CliError {
  const { name, version, registry } = wanted;
  const about = `${name} ${version}`;
  const [program, remedy] = programs[registry];
  const fault = isMissing(error)
    ? { about, problem: `${managers[registry]} is missing on this machine`, remedy }
    : {
        about,
        problem: `${program} could not download it (${error.message})`,
        remedy: `Check the network, and the registry that ${managers[registry]} is configured for`,
      };
  return new CliError('unavailable', fault, { cause: error });
}

async function checkDigest(archive: string, wanted: Package): Promise<void> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(archive)) hash.update(chunk as Buffer);
  const found = hash.digest('hex');
  if (found !== wanted.sha256) throw otherDigest(wanted, found);
}

function otherDigest({ name, version, sha256 }: Package, found: string): CliError {
  return new CliError('badInput', {
    about: `${name} ${version}`,
    found: `an archive with the SHA-256 digest ${found}`,
    expected: sha256,
    remedy: 'do not use it: the registry gave another file than the one that this example was made with',
  });
}

async function unpack(archive: string, folder: string, options: FetchOptions): Promise<void> {
  const isTar = /\.(tgz|tar\.gz)$/.test(archive);
  const command: readonly [string, ...string[]] = isTar
    ? ['tar', '-xzf', archive, '--strip-components=1', '--no-same-owner', '-C', folder]
    : ['python3', '-m', 'zipfile', '-e', archive, folder];
  const [program, ...args] = command;
  await runTool(program, args, toolOptions(dirname(archive), unpackLimitMs, options));
}

function unpackFault({ name, version }: Package, error: ToolError): CliError {
  const problem = `it could not be unpacked (${error.message})`;
  const remedy = 'Install tar and Python 3, or free space on the disk';
  return new CliError('unavailable', { about: `${name} ${version}`, problem, remedy }, { cause: error });
}

/** The tools keep their own temporary files in the folder that is removed with everything else. */
function toolOptions(folder: string, limitMs: number, { environment, stop }: FetchOptions): ToolOptions {
  return { cwd: folder, environment: { ...environment, TMPDIR: folder }, limitMs, stop };
}
