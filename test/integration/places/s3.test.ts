/** Objects on a real S3 server, over TLS. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { Turns } from '@distillery/base';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { RemoteError, type RemoteReason } from '../../../workers/places/index.js';
import { Authority } from '../../kit/cluster/pki.js';
import { FaultyProxy } from '../../kit/faulty-proxy.js';
import { testPlaces, type TestPlacesOptions } from '../../kit/places.js';
import { S3Proxy, type S3Request } from '../../kit/s3-proxy.js';
import { rootKeys, type S3Keys, type S3Server, startS3Server } from '../../kit/s3-server.js';

const ownAuthorities = getCACertificates('default');
const bytes = randomBytes(3_000_000);
const sha256 = createHash('sha256').update(bytes).digest('hex');
const oddKey = "odd/a b+c=d&é#1?%!'()*~.bin";

let folder = '';
let server: S3Server;
let cache = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-s3-test-'));
  const authority = await Authority.create(join(folder, 'pki'));
  setDefaultCACertificates([...ownAuthorities, readFileSync(authority.certificate, 'utf8')]);
  server = await startS3Server(await authority.issue('s3', { commonName: 's3', names: ['IP:127.0.0.1'] }));
  await server.makeBucket('sets');
  await server.put('sets', 'models/teacher.onnx', bytes);
  await server.put('sets', oddKey, bytes.subarray(0, 10));
  const many = Array.from({ length: 1_003 }, (_, at) => at);
  const turns = new Turns(8);
  await Promise.all(
    many.map((at) => turns.run(() => server.put('sets', `many/part-${at % 11}/${at}`, bytes.subarray(0, at % 7)))),
  );
});
afterAll(async () => {
  setDefaultCACertificates(ownAuthorities);
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  cache = join(await mkdtemp(join(folder, 'run-')), 'cache');
});

function withKeys(keys: S3Keys = rootKeys, others: Readonly<Record<string, string>> = {}): Partial<TestPlacesOptions> {
  return { credentials: { dataset: { kind: 'variables', values: { ...server.variables(keys), ...others } } } };
}

async function resolved(uri: string, options: Partial<TestPlacesOptions> = withKeys()): Promise<string> {
  return (await testPlaces({ folder: cache, ...options }).places.resolve(uri, 'dataset')).path;
}

async function refused(uri: string, options?: Partial<TestPlacesOptions>): Promise<[RemoteReason, string]> {
  try {
    await resolved(uri, options);
  } catch (error) {
    if (error instanceof RemoteError) return [error.reason, error.message];
    throw error;
  }
  throw new Error('nothing was refused');
}

function filesBelow(path: string): string[] {
  return readdirSync(path, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(path, join(entry.parentPath, entry.name)));
}

describe('an object', () => {
  test('is fetched', async () => {
    expect(readFileSync(await resolved('s3://sets/models/teacher.onnx')).equals(bytes)).toBe(true);
  });

  test('is the pinned one', async () => {
    const path = await resolved(`s3://sets/models/teacher.onnx#sha256=${sha256}`);
    expect(readFileSync(path).equals(bytes)).toBe(true);
  });

  test('may have a key of any characters', async () => {
    const uri = `s3://sets/${oddKey.replace('%', '%25').replace(' ', '%20').replace('#', '%23').replace('?', '%3F')}`;
    expect(readFileSync(await resolved(uri))).toHaveLength(10);
  });

  test('is continued after a cut', async () => {
    const proxy = await FaultyProxy.start(server.endpoint);
    try {
      const options = withKeys(rootKeys, { AWS_ENDPOINT_URL: proxy.url });
      proxy.cutAfter(1_500_000);
      const path = await resolved('s3://sets/models/teacher.onnx', options);
      expect(readFileSync(path).equals(bytes)).toBe(true);
      expect(proxy.accepted).toBeGreaterThan(1);
      expect(await server.log()).toMatch(/\| 206 \|.*models\/teacher\.onnx/);
    } finally {
      await proxy.stop();
    }
  });

  test('that changes in the middle begins again', async () => {
    const proxy = await S3Proxy.start(server.endpoint);
    const other = randomBytes(2_000_000);
    try {
      await server.put('sets', 'changing', bytes);
      const isObject = ({ path }: S3Request): boolean => path === '/sets/changing';
      proxy.plan({ kind: 'cutAnswer', after: 1_000_000 }, isObject);
      // Before the rest is asked for.
      let asked = 0;
      proxy.onRequest = async (request) => {
        if (isObject(request) && ++asked === 2) await server.put('sets', 'changing', other);
      };
      const path = await resolved('s3://sets/changing', withKeys(rootKeys, { AWS_ENDPOINT_URL: proxy.url }));
      expect(readFileSync(path).equals(other)).toBe(true);
    } finally {
      await proxy.stop();
    }
  });
});

describe('a folder', () => {
  test.each(['s3://sets/many', 's3://sets/many/'])('%s is all objects below it, in any number', async (uri) => {
    const path = await resolved(uri);
    const files = filesBelow(path);
    expect(files).toHaveLength(1_003);
    expect(readFileSync(join(path, 'part-3/3'))).toHaveLength(3);
  });

  test('is fetched again when an object changed, and not otherwise', async () => {
    await server.put('sets', 'few/a', bytes.subarray(0, 5));
    await server.put('sets', 'few/b', bytes.subarray(0, 6));
    const first = await resolved('s3://sets/few');
    expect(await resolved('s3://sets/few')).toBe(first);
    await server.put('sets', 'few/a', bytes.subarray(1, 6));
    const second = await resolved('s3://sets/few');
    expect(second).not.toBe(first);
    expect(readFileSync(join(second, 'a')).equals(bytes.subarray(1, 6))).toBe(true);
    expect(readFileSync(join(first, 'a')).equals(bytes.subarray(0, 5))).toBe(true);
  });

  test('that is empty is no folder', async () => {
    expect(await refused('s3://sets/nothing')).toEqual(['missing', expect.stringContaining('there is no such file')]);
    expect(await refused('s3://sets/nothing/')).toEqual(['missing', expect.stringContaining('there are no objects')]);
    expect(await refused('s3://no-such-bucket/x')).toEqual(['missing', expect.stringContaining('no such bucket')]);
  });
});

describe('credentials', () => {
  const uri = 's3://sets/models/teacher.onnx';

  test('with a wrong secret are refused, and not printed', async () => {
    const wrong = { id: rootKeys.id, secret: 'another-word-of-the-test' };
    const [reason, message] = await refused(uri, withKeys(wrong));
    expect(reason).toBe('denied');
    expect(message).toContain('the server refuses the credentials (SignatureDoesNotMatch)');
    expect(message).not.toContain(wrong.secret);
    expect(message).not.toContain(wrong.id);
  });

  test('of an unknown user are refused', async () => {
    const [reason, message] = await refused(uri, withKeys({ id: 'unknown-user', secret: 'x' }));
    expect([reason, message]).toEqual(['denied', expect.stringContaining('InvalidAccessKeyId')]);
    expect(message).not.toContain('unknown-user');
  });

  test('that are missing are asked for', async () => {
    const values = { AWS_ENDPOINT_URL: server.endpoint };
    const [reason, message] = await refused(uri, { credentials: { dataset: { kind: 'variables', values } } });
    expect([reason, message]).toEqual(['denied', expect.stringContaining('the server asks for credentials')]);
  });

  test('are read again for each request', async () => {
    const [old, fresh] = [
      { id: 'old-user', secret: 'old-word' },
      { id: 'new-user', secret: 'new-word' },
    ];
    await server.addUser(old);
    await server.addUser(fresh);
    const path = join(dirname(cache), 'secret');
    mkdirSync(path);
    const write = (keys: S3Keys): void => {
      for (const [name, value] of Object.entries(server.variables(keys))) writeFileSync(join(path, name), `${value}\n`);
    };
    write(old);
    const options = { credentials: { dataset: { kind: 'folder', path } } } as const;
    const { places } = testPlaces({ folder: cache, ...options });
    const first = await places.resolve(uri, 'dataset');
    await server.removeUser(old);
    await expect(places.resolve(uri, 'dataset')).rejects.toThrow('the server refuses the credentials');
    write(fresh);
    expect(await places.resolve(uri, 'dataset')).toEqual(first);
  });
});
