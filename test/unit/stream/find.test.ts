/** Finding or getting a nats-server: the order of the places, and what an installation leaves behind. */
import { chmod, mkdir, mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';

import { markFolderSync } from '@distillery/platform';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { cacheFolderOf } from '../../../src/cli/shared/cache-folder.js';
import { findNatsServer, type FindOptions } from '../../../src/stream/server/find.js';
import type { InstallSource } from '../../../src/stream/server/install.js';
import { pinnedVersion } from '../../../src/stream/server/pins.js';

let folder: string;
let cacheFolder: string;
let lines: string[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-find-'));
  cacheFolder = join(folder, 'cache');
  lines = [];
});
afterEach(() => rm(folder, { recursive: true, force: true }));

function options(changes: Partial<FindOptions> = {}): FindOptions {
  return {
    url: undefined,
    path: '',
    cacheFolder,
    platform: 'linux',
    arch: 'x64',
    environment: {},
    sources: [],
    progress: (line) => lines.push(line),
    stop: new AbortController().signal,
    nowMs: Date.now(),
    ...changes,
  };
}

/** A program that says it is a nats-server of some version. */
async function fakeServer(path: string, version: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, `#!/bin/sh\necho "nats-server: v${version}"\n`);
  await chmod(path, 0o755);
}

const good: InstallSource = {
  name: 'good source',
  fetch: (_, target) => fakeServer(target, pinnedVersion),
};
const broken: InstallSource = {
  name: 'broken source',
  fetch: () => Promise.reject(new Error('no route to host')),
};
const wrong: InstallSource = {
  name: 'wrong source',
  fetch: (_, target) => fakeServer(target, '2.1.0'),
};

const cached = (): string => join(cacheFolder, `nats-server-${pinnedVersion}`, 'nats-server');

test('a new enough server on PATH is taken before the cache', async () => {
  await fakeServer(cached(), pinnedVersion);
  const onPath = join(folder, 'bin', 'nats-server');
  await fakeServer(onPath, '2.10.0');
  const found = await findNatsServer(options({ path: ['/nonexistent', '', dirname(onPath)].join(delimiter) }));
  expect(found).toEqual({ kind: 'binary', binary: onPath, from: 'path' });
});

test.each([
  ['too old', '2.9.10'],
  ['no server at all', 'something'],
])('a program on PATH that is %s is passed over with a note', async (_, version) => {
  await fakeServer(cached(), pinnedVersion);
  const onPath = join(folder, 'bin', 'nats-server');
  await fakeServer(onPath, version);
  const found = await findNatsServer(options({ path: dirname(onPath) }));
  expect(found).toEqual({ kind: 'binary', binary: cached(), from: 'cache' });
  expect(lines).toEqual([expect.stringMatching(/expected 2\.10\.0 or newer; not used/)]);
});

describe('installing', () => {
  test('goes on to the next source when one fails, and the next run finds the result', async () => {
    const found = await findNatsServer(options({ sources: [broken, wrong, good] }));
    expect(found).toEqual({ kind: 'binary', binary: cached(), from: 'installed' });
    expect(lines.join('\n')).toMatch(
      /broken source: no route to host[^]*wrong source: .*2\.1\.0[^]*installed from good/,
    );
    expect(await readdir(cacheFolder)).toEqual([`nats-server-${pinnedVersion}`]);
    expect(await findNatsServer(options())).toMatchObject({ from: 'cache' });
  });

  test('that fails everywhere names what each source said, and leaves nothing half-written', async () => {
    const finding = findNatsServer(options({ sources: [broken, wrong] }));
    await expect(finding).rejects.toMatchObject({ reason: 'noServer' });
    await expect(finding).rejects.toThrow(/broken source: no route.*wrong source: .*DISTILL_NATS_URL.*PATH/);
    expect(await readdir(cacheFolder)).toEqual([]);
  });

  test('by several processes at once leaves one whole server', async () => {
    const found = await Promise.all([1, 2, 3, 4].map(() => findNatsServer(options({ sources: [good] }))));
    expect(found.map((each) => each.kind === 'binary' && each.binary)).toEqual(Array(4).fill(cached()));
    expect(await readdir(cacheFolder)).toEqual([`nats-server-${pinnedVersion}`]);
  });

  test('replaces a cached server that does not run', async () => {
    await mkdir(dirname(cached()), { recursive: true });
    await writeFile(cached(), 'half of it');
    await writeFile(join(dirname(cached()), 'notes'), 'mine');
    expect(await findNatsServer(options({ sources: [good] }))).toMatchObject({ from: 'installed' });
    expect(await findNatsServer(options())).toMatchObject({ from: 'cache' });
    // Nothing of it is removed.
    const [aside = ''] = (await readdir(cacheFolder)).filter((name) => name.includes('.unusable-'));
    expect((await readdir(join(cacheFolder, aside, 'nats-server'))).sort()).toEqual(['nats-server', 'notes']);
  });

  test.each<[string, Partial<FindOptions>]>([
    ['is installed again', { sources: [good] }],
    ['is in the cache', {}],
  ])('that was killed leaves nothing once it is old: the server %s', async (_, changes) => {
    if (changes.sources === undefined) await fakeServer(cached(), pinnedVersion);
    const nowMs = Date.now();
    const names = ['.installing-Old000', '.installing-Empty0', '.installing-Recent', '.installing-mine00', 'mine'];
    for (const name of names) await mkdir(join(cacheFolder, name), { recursive: true });
    for (const name of ['.installing-Old000', '.installing-Recent']) {
      markFolderSync(join(cacheFolder, name), { kind: 'install' });
      await writeFile(join(cacheFolder, name, 'archive.tar.gz'), 'half');
    }
    await writeFile(join(cacheFolder, '.installing-mine00', 'notes'), 'mine');
    const old = new Date(nowMs - 3_700_000);
    for (const name of names) if (!name.includes('Recent')) await utimes(join(cacheFolder, name), old, old);
    await findNatsServer(options({ ...changes, nowMs }));
    expect((await readdir(cacheFolder)).sort()).toEqual(
      ['.installing-Recent', '.installing-mine00', 'mine', `nats-server-${pinnedVersion}`].sort(),
    );
  });

  test('into a folder that cannot be made says which', async () => {
    await writeFile(cacheFolder, 'a file, not a folder');
    const finding = findNatsServer(options({ sources: [good] }));
    await expect(finding).rejects.toMatchObject({ reason: 'noServer', message: expect.stringContaining(cacheFolder) });
  });
});

describe('a stop', () => {
  test('while a source is at work ends the search there, and leaves nothing', async () => {
    const stop = new AbortController();
    const slow: InstallSource = {
      name: 'slow source',
      fetch: async (work, _target, { stop: signal }) => {
        await writeFile(join(work, 'half'), 'half of it');
        await new Promise<void>((_, reject) => {
          signal.addEventListener('abort', () => reject(new Error('given up')), { once: true });
          stop.abort();
        });
      },
    };
    await expect(findNatsServer(options({ sources: [slow, good], stop: stop.signal }))).rejects.toMatchObject({
      name: 'AbortError',
    });
    expect(await readdir(cacheFolder)).toEqual([]);
    expect(lines).toEqual([expect.stringMatching(/trying slow source/)]);
  });

  test('while a program on PATH is asked for its version ends the search', async () => {
    const onPath = join(folder, 'bin', 'nats-server');
    await mkdir(dirname(onPath));
    await writeFile(onPath, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    const stop = new AbortController();
    const found = findNatsServer(options({ path: dirname(onPath), sources: [good], stop: stop.signal }));
    setTimeout(() => stop.abort(), 100);
    await expect(found).rejects.toMatchObject({ name: 'AbortError' });
  });
});

test('the cache lies where the user keeps caches', () => {
  expect(cacheFolderOf({ XDG_CACHE_HOME: '/caches' }, () => '/home/u')).toBe('/caches/distillery');
  expect(cacheFolderOf({ XDG_CACHE_HOME: '' }, () => '/home/u')).toBe('/home/u/.cache/distillery');
  expect(cacheFolderOf({}, () => '/home/u')).toBe('/home/u/.cache/distillery');
  expect(cacheFolderOf({ XDG_CACHE_HOME: 'caches' }, () => '/home/u')).toBe('/home/u/.cache/distillery');
});

describe('without a home folder', () => {
  const unknown = (): string => {
    throw new Error('uv_os_homedir returned ENOENT');
  };

  test.each<[string, () => string]>([
    ['an empty HOME', () => ''],
    ['a relative HOME', () => 'home'],
    ['a user without an entry', unknown],
  ])('%s is no cache, and a server on PATH is used all the same', async (_, home) => {
    expect(cacheFolderOf({}, home)).toBeNull();
    expect(cacheFolderOf({ XDG_CACHE_HOME: '/caches' }, home)).toBe('/caches/distillery');
    const onPath = join(folder, 'bin', 'nats-server');
    await fakeServer(onPath, pinnedVersion);
    expect(await findNatsServer(options({ cacheFolder: null, path: dirname(onPath) }))).toMatchObject({ from: 'path' });
  });

  test('nothing is installed anywhere, and the remedy is named', async () => {
    const finding = findNatsServer(options({ cacheFolder: null, sources: [good] }));
    await expect(finding).rejects.toMatchObject({ reason: 'noServer' });
    await expect(finding).rejects.toThrow(/neither HOME nor XDG_CACHE_HOME is an absolute path/);
  });
});
