/** Files on a real HTTPS server, with the faults that such servers have. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { RemoteError, type RemoteReason } from '../../../workers/places/index.js';
import { Authority } from '../../kit/cluster/pki.js';
import { testPlaces, type TestPlacesOptions } from '../../kit/places.js';
import { WebServer } from '../../kit/web-server.js';

const ownAuthorities = getCACertificates('default');
const bytes = randomBytes(300_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');

let folder = '';
let authority: Authority;
let web: WebServer;
let cache = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-web-'));
  authority = await Authority.create(join(folder, 'pki'));
  setDefaultCACertificates([...ownAuthorities, readFileSync(authority.certificate, 'utf8')]);
});
afterAll(async () => {
  setDefaultCACertificates(ownAuthorities);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  web = await WebServer.start(await authority.issue('web', { commonName: 'web', names: ['IP:127.0.0.1'] }));
  web.put('models/teacher.onnx', bytes);
  cache = join(await mkdtemp(join(folder, 'run-')), 'cache');
});
afterEach(() => web.stop());

function uri(path = 'models/teacher.onnx', pin = ''): string {
  return `https://${web.host}/${path}${pin === '' ? '' : `#sha256=${pin}`}`;
}

interface Resolved {
  readonly path: string;
  readonly lines: readonly string[];
}

async function resolved(what = uri(), options: Partial<TestPlacesOptions> = {}): Promise<Resolved> {
  const { places, lines } = testPlaces({ folder: cache, ...options });
  const { path } = await places.resolve(what, 'model');
  return { path, lines };
}

/** The reason and the sentence of the refusal. */
async function refused(what = uri(), options: Partial<TestPlacesOptions> = {}): Promise<[RemoteReason, string]> {
  try {
    await resolved(what, options);
  } catch (error) {
    if (error instanceof RemoteError) return [error.reason, error.message];
    throw error;
  }
  throw new Error('nothing was refused');
}

function isWhole(path: string): boolean {
  return readFileSync(path).equals(bytes);
}

/** Entries of the cache, without what is only begun. */
function entries(): string[] {
  return readdirSync(cache).filter((name) => /^[0-9a-f]{32}-[0-9a-f]+$/.test(name));
}

describe('a file', () => {
  test('is fetched once and keeps its name', async () => {
    const { path } = await resolved();
    expect(basename(path)).toBe('teacher.onnx');
    expect(isWhole(path)).toBe(true);
    expect((await resolved()).path).toBe(path);
    expect(web.seen.map(({ status }) => status)).toEqual([200, 304]);
  });

  test('that is pinned and here needs no server', async () => {
    const { path } = await resolved(uri('models/teacher.onnx', sha256));
    web.remove('models/teacher.onnx');
    expect((await resolved(uri('models/teacher.onnx', sha256))).path).toBe(path);
    expect(web.seen).toHaveLength(1);
  });

  test('with another content than the pinned one is refused with both digests', async () => {
    const pin = 'ab'.repeat(32);
    const [reason, message] = await refused(uri('models/teacher.onnx', pin));
    expect(reason).toBe('digest');
    expect(message).toContain(sha256);
    expect(message).toContain(pin);
    expect(entries()).toEqual([]);
  });

  test('that changed on the server is fetched again', async () => {
    const first = await resolved();
    const other = randomBytes(1_000);
    web.put('models/teacher.onnx', other);
    const second = await resolved();
    expect(readFileSync(second.path).equals(other)).toBe(true);
    expect(isWhole(first.path)).toBe(true);
  });

  test('of a server without ranges and tags is fetched each time', async () => {
    web.knowsRanges = false;
    web.next({ kind: 'cut', after: 100_000 });
    expect(isWhole((await resolved()).path)).toBe(true);
    expect(isWhole((await resolved()).path)).toBe(true);
    expect(web.seen.map(({ status }) => status)).toEqual([200, 200, 200]);
  });

  test('brings the files beside it', async () => {
    web.put('models/parts/weights.bin', bytes.subarray(0, 1_000));
    const { places } = testPlaces({ folder: cache });
    const beside = (): Promise<string[]> => Promise.resolve(['parts/weights.bin', '../outside', 'parts/weights.bin']);
    const { path } = await places.resolve(uri(), 'model', beside);
    expect(readFileSync(join(dirname(path), 'parts/weights.bin'))).toHaveLength(1_000);
    web.put('models/parts/weights.bin', bytes.subarray(0, 2_000));
    const again = await testPlaces({ folder: cache }).places.resolve(uri(), 'model', beside);
    expect(readFileSync(join(dirname(again.path), 'parts/weights.bin'))).toHaveLength(2_000);
  });
});

describe('a fault that passes', () => {
  test('a cut is continued where it was', async () => {
    web.next({ kind: 'cut', after: 100_000 }, { kind: 'cut', after: 50_000 });
    const { path, lines } = await resolved();
    expect(isWhole(path)).toBe(true);
    expect(web.seen.map(({ status }) => status)).toEqual([200, 206, 206]);
    expect(web.seen[1]?.headers['if-range']).toMatch(/^"/);
    expect(lines.filter((line) => line.includes('trying again in'))).toHaveLength(2);
  });

  test('a server that stops sending is asked again', async () => {
    web.next({ kind: 'stall', after: 100_000 });
    const { path, lines } = await resolved(uri(), { stallMs: 1_200 });
    expect(isWhole(path)).toBe(true);
    expect(lines.join('\n')).toContain('stopped sending; trying again in');
  });

  test.each([503, 429, 500])('status %d is asked again', async (status) => {
    web.next({ kind: 'status', status }, { kind: 'status', status });
    expect(isWhole((await resolved()).path)).toBe(true);
    expect(web.seen.map((each) => each.status)).toEqual([status, status, 200]);
  });

  test('a content that changes in the middle begins again, once', async () => {
    const other = randomBytes(200_000);
    web.next({ kind: 'cut', after: 100_000 });
    web.onRequest = () => {
      if (web.seen.length === 1) web.put('models/teacher.onnx', other);
    };
    const { path, lines } = await resolved();
    expect(readFileSync(path).equals(other)).toBe(true);
    expect(lines.join('\n')).toContain('the content changed in the middle; beginning again');
  });
});

describe('a fault that stays', () => {
  test('a content that never stays the same', async () => {
    web.next(...Array.from({ length: 20 }, () => ({ kind: 'cut', after: 1_000 }) as const));
    web.onRequest = () => web.put('models/teacher.onnx', randomBytes(200_000));
    expect(await refused()).toEqual(['changed', expect.stringContaining('changed while it was fetched')]);
  });

  test('a length that is too large', async () => {
    web.next(...Array.from({ length: 20 }, () => ({ kind: 'longer', by: 7 }) as const));
    web.knowsRanges = false;
    const [reason, message] = await refused();
    expect(reason).toBe('cut');
    expect(message).toMatch(/cut the connection|ended the file after 300000 of 300007 bytes/);
  });

  test.each([
    [401, 'denied', /denies access \(HTTP status 401\)\. Name a Secret with its credentials in secretRef/],
    [403, 'denied', /denies access \(HTTP status 403\)/],
    [404, 'missing', /there is no such file \(HTTP status 404\)\. Check the uri/],
    [503, 'unavailable', /cannot answer now \(HTTP status 503\)\. Try again later/],
    [418, 'refused', /does not give the file \(HTTP status 418\)/],
  ] as const)('status %d', async (status, reason, message) => {
    web.next(...Array.from({ length: 20 }, () => ({ kind: 'status', status }) as const));
    expect(await refused()).toEqual([reason, expect.stringMatching(message)]);
  });

  test('a redirect to http', async () => {
    web.next({ kind: 'redirect', to: `http://${web.host}/x` });
    expect(await refused()).toEqual(['redirected', expect.stringContaining('only https:// is followed')]);
  });

  test('redirects without end', async () => {
    web.next(...Array.from({ length: 20 }, () => ({ kind: 'redirect', to: '/models/teacher.onnx' }) as const));
    expect(await refused()).toEqual(['redirected', expect.stringContaining('more than 5 times')]);
  });

  test('a certificate of an unknown authority', async () => {
    setDefaultCACertificates(ownAuthorities);
    try {
      const [reason, message] = await refused();
      expect(reason).toBe('certificate');
      expect(message).toContain('Set NODE_EXTRA_CA_CERTS to the file');
    } finally {
      setDefaultCACertificates([...ownAuthorities, readFileSync(authority.certificate, 'utf8')]);
    }
  });

  test('no server', async () => {
    const where = uri();
    await web.stop();
    expect(await refused(where)).toEqual(['unreachable', expect.stringContaining('cannot be reached (ECONNREFUSED)')]);
    web = await WebServer.start(await authority.issue('web', { commonName: 'web', names: ['IP:127.0.0.1'] }));
  });

  test('a file larger than the cache', async () => {
    expect(await refused(uri(), { maxBytes: 1_000 })).toEqual([
      'tooLarge',
      expect.stringContaining('its 300000 bytes do not fit into the cache of 1000 bytes'),
    ]);
  });

  test('a cache folder that is not ours', async () => {
    mkdirSync(cache);
    writeFileSync(join(cache, 'mine.txt'), '');
    expect(await refused()).toEqual(['cache', expect.stringContaining('mine.txt')]);
  });
});

describe('credentials', () => {
  function secret(files: Readonly<Record<string, string>>): NonNullable<TestPlacesOptions['credentials']> {
    const path = join(dirname(cache), 'secret');
    mkdirSync(path, { recursive: true });
    for (const [name, value] of Object.entries(files)) writeFileSync(join(path, name), value);
    return { model: { kind: 'folder', path } };
  }

  test('a token goes to the server', async () => {
    web.authorization = 'Bearer a-token-of-the-test';
    const { path } = await resolved(uri(), { credentials: secret({ token: 'a-token-of-the-test\n' }) });
    expect(isWhole(path)).toBe(true);
  });

  test('user and password go to the server', async () => {
    web.authorization = `Basic ${Buffer.from('ann:pa:ss').toString('base64')}`;
    const { path } = await resolved(uri(), { credentials: secret({ username: 'ann', password: 'pa:ss' }) });
    expect(isWhole(path)).toBe(true);
  });

  test('that are wrong are refused, and not printed', async () => {
    web.authorization = 'Bearer right';
    const [reason, message] = await refused(uri(), { credentials: secret({ token: 'a-token-of-the-test' }) });
    expect(reason).toBe('denied');
    expect(message).toContain('check the credentials in the Secret of secretRef'.slice(1));
    expect(message).not.toContain('a-token-of-the-test');
  });

  test('that are renewed in the middle are used', async () => {
    web.authorization = 'Bearer old';
    web.next({ kind: 'cut', after: 100_000 });
    const credentials = secret({ token: 'old' });
    web.onRequest = () => {
      setImmediate(() => {
        secret({ token: 'new' });
        web.authorization = 'Bearer new';
      });
    };
    expect(isWhole((await resolved(uri(), { credentials })).path)).toBe(true);
    expect(web.seen.map(({ status, headers }) => [status, headers.authorization])).toEqual([
      [200, 'Bearer old'],
      [206, 'Bearer new'],
    ]);
  });

  test('never follow a redirect to another host', async () => {
    const other = await WebServer.start(
      await authority.issue('other', { commonName: 'other', names: ['IP:127.0.0.1'] }),
    );
    other.put('x', bytes);
    web.next({ kind: 'redirect', to: `https://${other.host}/x` });
    const { path } = await resolved(uri(), { credentials: secret({ token: 'a-token-of-the-test' }) });
    expect(isWhole(path)).toBe(true);
    expect(web.seen[0]?.headers.authorization).toBe('Bearer a-token-of-the-test');
    expect(other.seen[0]?.headers.authorization).toBeUndefined();
    await other.stop();
  });
});

describe('several processes', () => {
  test('fetch a file once', async () => {
    const all = await Promise.all([1, 2, 3, 4].map((pid) => resolved(uri(), { pid })));
    expect(new Set(all.map(({ path }) => path)).size).toBe(1);
    expect(web.seen.filter(({ status }) => status === 200)).toHaveLength(1);
  });
});

describe('the cache', () => {
  const fileOf = (name: string): string => uri(`sets/${name}`);
  beforeEach(() => {
    for (const name of ['a', 'b', 'c']) web.put(`sets/${name}`, bytes);
  });

  test('removes what was used longest ago, and never what a living process uses', async () => {
    const maxBytes = 700_000;
    const a = await resolved(fileOf('a'), { maxBytes, pid: 1 });
    await resolved(fileOf('b'), { maxBytes, pid: 2 });
    await resolved(fileOf('c'), { maxBytes, pid: 3, isAlive: (pid) => pid !== 2 });
    expect(isWhole(a.path)).toBe(true);
    expect(entries()).toHaveLength(2);
    const [reason] = await refused(fileOf('b'), { maxBytes, pid: 4 });
    expect(reason).toBe('noRoom');
    expect(isWhole(a.path)).toBe(true);
  });
});
