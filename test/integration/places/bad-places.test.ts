/**
 * Each fault of each place, at the first attempt: a sentence, and the exit code of a worker. docs/data.md "What may go
 * wrong" has the same table, and neither has a row that the other lacks.
 */
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';

import { workerExitCodes } from '@distillery/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { openDataset } from '../../../workers/data/index.js';
import type { CredentialSource, Places } from '../../../workers/places/index.js';
import { endingOf } from '../../../workers/process/index.js';
import { openBucketCheckpoints, openBucketResults } from '../../../workers/student/bucket-stores.js';
import { Authority } from '../../kit/cluster/pki.js';
import { testPlaces, type TestPlacesOptions } from '../../kit/places.js';
import { S3Proxy, type S3Fault, type S3Request } from '../../kit/s3-proxy.js';
import { rootKeys, type S3Server, startS3Server } from '../../kit/s3-server.js';
import { WebServer, type WebFault } from '../../kit/web-server.js';

const ownAuthorities = getCACertificates('default');
const bytes = randomBytes(200_000);
const secrets = ['word-of-another', rootKeys.secret, 'token-of-the-test'];
const many = 100;

let folder = '';
let authority: Authority;
let web: WebServer;
let server: S3Server;
let safeServer: S3Server;
let proxy: S3Proxy;
let run = '';

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-bad-places-'));
  authority = await Authority.create(join(folder, 'pki'));
  trust(true);
  [server, safeServer] = await Promise.all([
    startS3Server(),
    startS3Server(await authority.issue('s3', { commonName: 's3', names: ['IP:127.0.0.1'] })),
  ]);
  for (const each of [server, safeServer]) {
    await each.makeBucket('sets');
    await each.put('sets', 'a.csv', bytes);
  }
  await server.makeBucket('runs');
});
afterAll(async () => {
  setDefaultCACertificates(ownAuthorities);
  await Promise.all([server.stop(), safeServer.stop()]);
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  web = await WebServer.start(await authority.issue('web', { commonName: 'web', names: ['IP:127.0.0.1'] }));
  web.put('a.csv', bytes);
  proxy = await S3Proxy.start(server.endpoint);
  run = await mkdtemp(join(folder, 'run-'));
});
afterEach(async () => {
  trust(true);
  await Promise.all([web.stop(), proxy.stop()]);
});

function trust(own: boolean): void {
  setDefaultCACertificates(own ? [...ownAuthorities, readFileSync(authority.certificate, 'utf8')] : ownAuthorities);
}

const variables = (changes: Readonly<Record<string, string>> = {}): CredentialSource => ({
  kind: 'variables',
  values: { ...server.variables(), AWS_ENDPOINT_URL: proxy.url, ...changes },
});

function places(source: CredentialSource = variables(), options: Partial<TestPlacesOptions> = {}): Places {
  const credentials = { dataset: source, checkpoint: source };
  return testPlaces({ folder: join(run, 'cache'), stallMs: 1_000, ...options, credentials }).places;
}

/** Reads a data set at a uri. */
async function read(uri: string, format: 'csv' | 'npy' = 'csv', from: Places = places()): Promise<void> {
  const settings = { format, uri } as const;
  const dataset = await openDataset(settings, { placeOf: (place) => from.data(place) });
  await dataset.close();
}

const fetched = (uri: string, from?: Places): Promise<unknown> => (from ?? places()).resolve(uri, 'dataset');
const webUri = (path = 'a.csv'): string => `https://${web.host}/${path}`;
const bucketUri = 's3://sets/a.csv';

/** What the web server does from now on. */
function onWeb(fault: WebFault, path = 'a.csv'): Promise<unknown> {
  web.next(...Array.from({ length: many }, () => fault));
  return fetched(webUri(path));
}

function onBucket(fault: S3Fault, uri = bucketUri): Promise<unknown> {
  proxy.plan(fault, () => true, many);
  return fetched(uri);
}

const stores = ({ method, path }: S3Request): boolean => method === 'PUT' && path.endsWith('.ckpt');

/** A store that was opened, and then has this fault. */
async function storing(fault: S3Fault | (() => Promise<void>)): Promise<void> {
  const store = await openBucketCheckpoints(places().bucket('s3://runs/x', 'checkpoint'), 'job-1');
  if (typeof fault === 'function') await fault();
  else proxy.plan(fault, stores, many);
  await store.put(7, 1, bytes, () => Promise.resolve());
}

const refusal = (status: number, code: string): S3Fault => ({ kind: 'refuse', status, code });

/** Place and row of the documentation, and what is done. One row may have several cases. */
const cases: readonly (readonly [place: string, wrong: string, attempt: () => Promise<unknown>])[] = [
  ['file', 'no such file or folder', () => read(`file://${run}/nowhere.csv`)],
  ['file', 'no such file or folder', () => read(`file://${run}/nowhere`, 'npy')],
  [
    'file',
    'a file that was cut',
    () => {
      const whole = Buffer.from(
        "\x93NUMPY\x01\0v\0{'descr': '<f4', 'fortran_order': False, 'shape': (9,), }",
        'latin1',
      );
      writeFileSync(join(run, 'x.npy'), Buffer.concat([whole, Buffer.alloc(128 - whole.length, ' '), Buffer.alloc(8)]));
      return read(`file://${run}/x.npy`, 'npy');
    },
  ],
  [
    'file',
    'a link out of the folder',
    () => {
      mkdirSync(join(run, 'set'));
      writeFileSync(join(run, 'secret.csv'), 'a\n1\n');
      symlinkSync('../secret.csv', join(run, 'set', 'x.csv'));
      return read(`file://${run}/set`);
    },
  ],
  ['package', 'a package that is not installed', () => read('package://no-such-package-of-the-test/x.csv')],

  ['https', 'no such file', () => fetched(webUri('nowhere.csv'))],
  ['https', 'a refusal', () => onWeb({ kind: 'status', status: 403 })],
  ['https', 'a refusal', () => onWeb({ kind: 'status', status: 401 })],
  [
    'https',
    'a refusal',
    () => {
      web.authorization = 'Bearer another';
      writeFileSync(join(run, 'token'), 'token-of-the-test');
      return fetched(webUri(), places({ kind: 'folder', path: run }));
    },
  ],
  ['https', 'a Secret without the keys', () => fetched(webUri(), places({ kind: 'folder', path: run }))],
  ['https', 'a folder', () => fetched(webUri('sets/'))],
  ['https', 'an answer that is no file', () => onWeb({ kind: 'status', status: 418 })],
  ['https', 'a redirect to http', () => onWeb({ kind: 'redirect', to: `http://${web.host}/a.csv` })],
  ['https', 'redirects without end', () => onWeb({ kind: 'redirect', to: '/a.csv' })],

  ['https, s3', 'an unknown authority', () => (trust(false), fetched(webUri()))],
  [
    'https, s3',
    'an unknown authority',
    () => (trust(false), fetched(bucketUri, places(variables({ AWS_ENDPOINT_URL: safeServer.endpoint })))),
  ],
  [
    'https, s3',
    'another name in the certificate',
    () => fetched(`https://${web.host.replace('127.0.0.1', 'localhost')}/x`),
  ],
  ['https, s3', 'no such host', () => fetched('https://nowhere.invalid/x')],
  [
    'https, s3',
    'no such host',
    () => fetched(bucketUri, places(variables({ AWS_ENDPOINT_URL: 'https://nowhere.invalid' }))),
  ],
  ['https, s3', 'no server, or one without TLS', () => fetched('https://127.0.0.1:1/x')],
  [
    'https, s3',
    'no server, or one without TLS',
    () => fetched(bucketUri, places(variables({ AWS_ENDPOINT_URL: 'http://127.0.0.1:1' }))),
  ],
  ['https, s3', 'no server, or one without TLS', () => fetched(`https://${new URL(server.endpoint).host}/x`)],
  ['https, s3', 'silence', () => onWeb({ kind: 'stall', after: 0 })],
  [
    'https, s3',
    'silence',
    async () => {
      const silent = createServer(() => undefined).listen(0, '127.0.0.1');
      await new Promise((listening) => silent.once('listening', listening));
      const endpoint = `http://127.0.0.1:${String((silent.address() as AddressInfo).port)}`;
      const from = places(variables({ AWS_ENDPOINT_URL: endpoint }));
      await fetched(bucketUri, from).finally(() => silent.close());
    },
  ],
  ['https, s3', 'a file that is cut again and again', () => onWeb({ kind: 'cut', after: 0 })],
  [
    'https, s3',
    'a file that is cut again and again',
    () => {
      web.knowsRanges = false;
      return onWeb({ kind: 'longer', by: 7 });
    },
  ],
  ['https, s3', 'a file that is cut again and again', () => onBucket({ kind: 'cutAnswer', after: 0 })],
  ['https, s3', 'an overloaded server', () => onWeb({ kind: 'status', status: 503 })],
  ['https, s3', 'an overloaded server', () => onBucket(refusal(503, 'SlowDown'))],
  ['https, s3', 'an overloaded server', () => onBucket(refusal(500, 'InternalError'), 's3://sets/')],
  [
    'https, s3',
    'content that changes all the time',
    () => {
      web.onRequest = () => web.put('a.csv', randomBytes(100_000));
      return onWeb({ kind: 'cut', after: 1_000 });
    },
  ],
  [
    'https, s3',
    'content that changes all the time',
    () => {
      proxy.onRequest = () => server.put('sets', 'changing', randomBytes(100_000));
      return onBucket({ kind: 'cutAnswer', after: 1_000 }, 's3://sets/changing');
    },
  ],
  ['https, s3', 'other content than the pinned', () => fetched(`${webUri()}#sha256=${'ab'.repeat(32)}`)],
  ['https, s3', 'other content than the pinned', () => fetched(`${bucketUri}#sha256=${'ab'.repeat(32)}`)],
  ['https, s3', 'no room in the cache', () => fetched(webUri(), places(variables(), { maxBytes: 1_000 }))],
  ['https, s3', 'no room in the cache', () => fetched(bucketUri, places(variables(), { maxBytes: 1_000 }))],
  [
    'https, s3',
    'a pinned set larger than the cache',
    () => places(variables(), { maxBytes: 1_000 }).data(`${bucketUri}#sha256=${'ab'.repeat(32)}`),
  ],
  [
    'https, s3',
    'a set larger than the cache, of a server without ranges',
    () => {
      web.knowsRanges = false;
      return read(webUri(), 'csv', places(variables(), { maxBytes: 1_000 }));
    },
  ],
  [
    'https, s3',
    'a cache folder of others',
    () => (writeFileSync(join(run, 'mine'), ''), fetched(webUri(), places(variables(), { folder: run }))),
  ],
  ['https, s3', 'a name that no file can have', () => fetched(webUri('x'.repeat(300)))],
  [
    'https, s3',
    'a name that no file can have',
    async () => {
      const key = `deep/${'x'.repeat(200)}/a%0Ab`;
      const text = `<ListBucketResult><Contents><Key>${key}</Key><Size>1</Size></Contents><EncodingType>url</EncodingType></ListBucketResult>`;
      await withAnswer(text, 's3://sets/deep/');
    },
  ],

  ['s3', 'no such bucket', () => fetched('s3://no-such-bucket/x')],
  ['s3', 'no objects', () => fetched('s3://sets/nothing')],
  ['s3', 'no objects', () => fetched('s3://sets/nothing/')],
  [
    's3',
    'wrong credentials, or too few rights',
    () => fetched(bucketUri, places(variables({ AWS_SECRET_ACCESS_KEY: 'word-of-another' }))),
  ],
  [
    's3',
    'wrong credentials, or too few rights',
    () => fetched(bucketUri, places(variables({ AWS_ACCESS_KEY_ID: 'unknown-user' }))),
  ],
  ['s3', 'wrong credentials, or too few rights', () => onBucket(refusal(403, 'AccessDenied'))],
  [
    's3',
    'no credentials',
    () => fetched(bucketUri, places({ kind: 'variables', values: { AWS_ENDPOINT_URL: proxy.url } })),
  ],
  ['s3', 'half of the credentials', () => fetched(bucketUri, places(variables({ AWS_SECRET_ACCESS_KEY: '' })))],
  ['s3', 'keys with line breaks or spaces', () => fetched(bucketUri, places(variables({ AWS_ACCESS_KEY_ID: 'a\nb' })))],
  [
    's3',
    'credentials that expire in the middle',
    () => {
      proxy.plan({ kind: 'cutAnswer', after: 100_000 });
      return onBucket(refusal(400, 'ExpiredToken'));
    },
  ],
  ['s3', 'a wrong clock', () => onBucket(refusal(403, 'RequestTimeTooSkewed'))],
  ['s3', 'another region', () => onBucket(refusal(301, 'PermanentRedirect'))],
  ['s3', 'a malformed endpoint', () => fetched(bucketUri, places(variables({ AWS_ENDPOINT_URL: 'storage.example' })))],
  ['s3', 'a server that speaks no S3', () => withAnswer('<html>Welcome</html>', 's3://sets/')],

  [
    'store',
    'a folder of another job',
    async () => {
      const store = places().bucket('s3://runs/taken', 'checkpoint');
      await openBucketCheckpoints(store, 'job-1');
      await openBucketCheckpoints(store, 'job-2');
    },
  ],
  [
    'store',
    'a model of others in the folder',
    async () => {
      await server.put('runs', 'model/weights.bin', bytes);
      await openBucketResults(places().bucket('s3://runs/model', 'checkpoint'), 'job-1');
    },
  ],
  [
    'store',
    'too few rights at the start',
    () => {
      proxy.plan(refusal(403, 'AccessDenied'), ({ method }) => method === 'DELETE');
      return openBucketCheckpoints(places().bucket('s3://runs/y', 'checkpoint'), 'job-1');
    },
  ],
  ['store', 'a refusal in the middle', () => storing(refusal(403, 'AccessDenied'))],
  ['store', 'credentials that expire in the middle', () => storing(refusal(400, 'ExpiredToken'))],
  ['store', 'a server that is away', () => storing(refusal(503, 'SlowDown'))],
  [
    'store',
    'a server that is away',
    () =>
      storing(() => proxy.stop()).finally(async () => {
        proxy = await S3Proxy.start(server.endpoint);
      }),
  ],
  ['store', 'a full bucket', () => storing(refusal(403, 'QuotaExceeded'))],
  ['store', 'a full bucket', () => storing(refusal(507, 'XMinioStorageFull'))],
  ['store', 'bytes that change on their way', () => storing({ kind: 'flip' })],
  ['store', 'no conditional writes', () => storing(refusal(501, 'NotImplemented'))],
];

/** Reads from a server that gives one answer to everything. */
async function withAnswer(text: string, uri: string): Promise<void> {
  web.answersAll = Buffer.from(text);
  await fetched(uri, places(variables({ AWS_ENDPOINT_URL: `https://${web.host}` })));
}

interface Row {
  readonly place: string;
  readonly wrong: string;
  readonly sentences: readonly RegExp[];
  readonly codes: readonly number[];
}

/** The rows of the documentation. In a message, `…` is any text. */
function documented(): readonly Row[] {
  const text = readFileSync(join(import.meta.dirname, '../../../docs/data.md'), 'utf8');
  const [, table = ''] = text.split('### What may go wrong\n');
  return table
    .split('\n')
    .filter((line) => line.startsWith('| '))
    .slice(2)
    .map((line) => {
      const [, place = '', wrong = '', message = '', code = ''] = line.split('|').map((cell) => cell.trim());
      const sentences = [...message.matchAll(/`([^`]+)`/g)].map(([, each = '']) => pattern(each));
      return { place, wrong, sentences, codes: code.split(' or ').map(Number) };
    });
}

function pattern(message: string): RegExp {
  const escaped = message.split('…').map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(escaped.join('.*'));
}

const rows = documented();
const titleOf = (place: string, wrong: string): string => `${place}: ${wrong}`;

describe('a bad place', () => {
  test.each(cases.map(([place, wrong, attempt]) => [titleOf(place, wrong), attempt] as const))(
    '%s',
    async (title, attempt) => {
      const row = rows.find(({ place, wrong }) => titleOf(place, wrong) === title);
      const error = await attempt().then(
        () => new Error('nothing was refused'),
        (thrown: unknown) => thrown,
      );
      if (!(error instanceof Error)) throw new Error('found no Error');
      const { message } = error;
      expect({ message, isKnown: row?.sentences.some((each) => each.test(message)) }).toEqual({
        message,
        isKnown: true,
      });
      expect(row?.codes).toContain(workerExitCodes[endingOf(error)]);
      // A sentence, and what to do.
      expect(message).toMatch(/^[^\n]+: [^\n]+\. [A-Z][^\n]+\.$/);
      for (const secret of secrets) expect(message).not.toContain(secret);
    },
  );

  test('is documented once, and each that is documented is tried', () => {
    const tried = new Set(cases.map(([place, wrong]) => titleOf(place, wrong)));
    expect(rows.map(({ place, wrong }) => titleOf(place, wrong))).toEqual([...tried]);
  });
});
