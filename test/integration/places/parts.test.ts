/** Data sets larger than the cache, read in parts from real servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { randomFrom } from '@distillery/base';
import { workerExitCodes } from '@distillery/protocol';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { Authority } from '../../kit/cluster/pki.js';
import { DistillProcess, writeSmallJob } from '../../kit/distill.js';
import { parquetOf } from '../../kit/parquet.js';
import { mnistPictures } from '../../kit/pictures.js';
import { type S3Fault, S3Proxy } from '../../kit/s3-proxy.js';
import { rootKeys, type S3Server, startS3Server } from '../../kit/s3-server.js';
import { WebServer } from '../../kit/web-server.js';
import { member, tar } from '../../unit/tables/tar-files.js';

const blockBytes = 2 ** 16;
const memoryBytes = 2 ** 18;
const rows = 60;
const rowBytes = 20_000;
const members = Array.from({ length: rows }, (_, row) => ({
  name: `${String(row).padStart(5, '0')}.bin`,
  content: randomBytes(rowBytes),
}));
const fields = [
  { name: 'bin', columns: ['bin'], type: 'bytes', head: 64, tail: 64, padding: 0, strip: false },
] as const;

const tarOf = (files: readonly { readonly name: string; readonly content: Buffer }[]): Buffer =>
  tar(...files.map(({ name, content }) => member(name, content)));

let folder = '';
let authority: Authority;
let server: S3Server;
let web: WebServer;
let proxy: S3Proxy;
let shard: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-parts-test-'));
  authority = await Authority.create(join(folder, 'pki'));
  server = await startS3Server();
  await server.makeBucket('sets');
  shard = tarOf(members);
  await server.put('sets', 'one.tar', shard);
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  web = await WebServer.start(await authority.issue('web', { commonName: 'web', names: ['IP:127.0.0.1'] }));
  proxy = await S3Proxy.start(server.endpoint);
});
afterEach(() => Promise.all([web.stop(), proxy.stop()]));

interface Answer {
  readonly length?: number;
  readonly notes?: string;
  readonly inputs?: Record<string, number[]>;
  readonly exit?: number;
  readonly message?: string;
}

/**
 * A process that reads a data set: a reader waits for parts, and the servers of the test must answer meanwhile. It takes
 * lists of rows, a line each, and answers with their inputs, or with its end.
 */
const program = `
  import { createInterface } from 'node:readline';
  import { openDataset } from ${JSON.stringify(door('data/index.js'))};
  import { Places, rangedLimits, retryLimits, transportLimits } from ${JSON.stringify(door('places/index.js'))};
  import { endingOf } from ${JSON.stringify(door('process/index.js'))};
  import { randomFrom } from '@distillery/base';
  import { systemClock } from '@distillery/platform';
  import { workerExitCodes } from '@distillery/protocol';
  const { settings, cache, values, limits } = JSON.parse(process.argv[1]);
  const source = { kind: 'variables', values };
  const places = new Places({
    cache: { ...cache, owner: { host: 'here', pid: process.pid, startedAtMs: 1 }, isAlive: () => true, newId: () => String(process.pid) },
    credentials: { dataset: source, model: source, checkpoint: source, output: source },
    transport: transportLimits,
    ranged: { ...limits, thread: new URL(${JSON.stringify(door('places/range-thread.js'))}, 'file:') },
    clock: systemClock,
    random: randomFrom(1),
    log: { info: () => undefined, warn: () => undefined },
    limits: { ...retryLimits, firstWaitMs: 5, longestWaitMs: 20 },
    signal: new AbortController().signal,
  });
  const say = (answer) => process.stdout.write(JSON.stringify(answer) + '\\n');
  const sayEnd = (error) => say({ exit: workerExitCodes[endingOf(error)], message: error.message });
  try {
    const set = await openDataset(settings, { placeOf: (uri) => places.data(uri) });
    say({ length: set.train.length, notes: set.notes.join() });
    for await (const line of createInterface({ input: process.stdin })) {
      try {
        const { inputs } = await set.train.read(JSON.parse(line));
        say({ inputs: Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, [...data]])) });
      } catch (error) {
        sayEnd(error);
      }
    }
    await set.close();
  } catch (error) {
    sayEnd(error);
  }
`;

function door(name: string): string {
  return join(import.meta.dirname, '../../../dist/workers', name);
}

class Reader {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(settings: object) {
    const values = { ...server.variables(), AWS_ENDPOINT_URL: proxy.url };
    const cache = { folder: join(folder, 'cache'), maxBytes: 50_000 };
    const order = { settings, cache, values, limits: { blockBytes, memoryBytes } };
    this.#child = spawn(process.execPath, ['--input-type=module', '--eval', program, JSON.stringify(order)], {
      stdio: ['pipe', 'pipe', 'inherit'],
      cwd: join(import.meta.dirname, '../../..'),
      env: { PATH: process.env.PATH ?? '', NODE_EXTRA_CA_CERTS: authority.certificate },
    });
    if (this.#child.stdout === null) throw new Error('it has no output');
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async answer(): Promise<Answer> {
    const line = await this.#lines.next();
    if (line.done === true) throw new Error('the reader ended');
    return JSON.parse(line.value) as Answer;
  }

  read(rowsAsked: readonly number[]): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(rowsAsked)}\n`);
    return this.answer();
  }

  async close(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.stdin?.end();
    if (this.#child.exitCode === null) await ended;
  }
}

async function reading<T>(settings: object, work: (reader: Reader, opened: Answer) => Promise<T>): Promise<T> {
  const reader = new Reader(settings);
  try {
    return await work(reader, await reader.answer());
  } finally {
    await reader.close();
  }
}

/** How opening it ends. */
function endOf(settings: object): Promise<Answer> {
  return reading(settings, (_, opened) => Promise.resolve(opened));
}

/** Heads and tails of members. */
function wanted(indices: readonly number[]): Answer {
  const bin = indices.flatMap((row) => {
    const content = members[row]?.content ?? Buffer.alloc(0);
    return [...content.subarray(0, 64), ...content.subarray(-64)];
  });
  return { inputs: { bin } };
}

const inTar = (uri: string): object => ({ format: 'webdataset', fields, uri });

describe('an archive that is larger than the cache', () => {
  test('is read in parts, in any order', async () => {
    const random = randomFrom(3);
    await reading(inTar('s3://sets/one.tar'), async (reader, opened) => {
      expect(opened.length).toBe(rows);
      expect(opened.notes).toContain('it is read in parts; training.shuffle: Blocks reads fewer of them');
      for (let batch = 0; batch < 10; batch++) {
        const indices = Array.from({ length: 16 }, () => random.below(rows));
        expect(await reader.read(indices)).toEqual(wanted(indices));
      }
    });
    expect(readdirSync(join(folder, 'cache')).filter((name) => /^[0-9a-f]{32}-[0-9a-f]+$/.test(name))).toEqual([]);
  });

  test('costs what is read, and no block twice while it is kept', async () => {
    await reading(inTar('s3://sets/one.tar'), async (reader) => {
      const before = proxy.bytes;
      await reader.read([30]);
      const one = proxy.bytes - before;
      expect(one).toBeGreaterThan(0);
      expect(one).toBeLessThanOrEqual(2 * blockBytes);
      await reader.read([30]);
      expect(proxy.bytes - before).toBe(one);
      // As many blocks as are kept, and then the first one again.
      for (const row of [0, 10, 20, 40, 50]) await reader.read([row]);
      const after = proxy.bytes;
      await reader.read([30]);
      expect(proxy.bytes - after).toBe(one);
    });
  });

  test('is read through cuts and a busy server', async () => {
    await reading(inTar('s3://sets/one.tar'), async (reader) => {
      proxy.plan({ kind: 'cutAnswer', after: 1_000 });
      proxy.plan({ kind: 'refuse', status: 503, code: 'SlowDown' });
      expect(await reader.read([45])).toEqual(wanted([45]));
    });
  });

  test('ends when its content changes in the middle, and never mixes two versions', async () => {
    await server.put('sets', 'changing.tar', shard);
    await reading(inTar('s3://sets/changing.tar'), async (reader) => {
      expect(await reader.read([0])).toEqual(wanted([0]));
      await server.put('sets', 'changing.tar', tarOf(members.toReversed()));
      expect(await reader.read([30])).toEqual({
        exit: workerExitCodes.error,
        message:
          's3://sets/changing.tar: the content changed while it was read in parts. Try again when no program writes it.',
      });
    });
  });

  test.each<[string, S3Fault, number, RegExp]>([
    [
      'a refusal',
      { kind: 'refuse', status: 403, code: 'AccessDenied' },
      workerExitCodes.terminal,
      /^s3:\/\/sets\/one\.tar: the server refuses the credentials \(AccessDenied\)\./,
    ],
    [
      'credentials that expire',
      { kind: 'refuse', status: 400, code: 'ExpiredToken' },
      workerExitCodes.error,
      /^s3:\/\/sets\/one\.tar: the credentials have expired/,
    ],
    [
      'a server that is away',
      { kind: 'refuse', status: 503, code: 'SlowDown' },
      workerExitCodes.error,
      /^s3:\/\/sets\/one\.tar: the server cannot answer now \(HTTP status 503\)\./,
    ],
  ])('ends at %s in the middle', async (_, fault, exit, sentence) => {
    await reading(inTar('s3://sets/one.tar'), async (reader) => {
      proxy.plan(fault, () => true, 100);
      const answer = await reader.read([30]);
      expect(answer).toEqual({ exit, message: expect.stringMatching(sentence) });
      expect(answer.message).not.toContain(rootKeys.id);
    });
  });

  test.each<[string, object, number, string]>([
    [
      'with a digest of the whole',
      inTar(`s3://sets/one.tar#sha256=${'ab'.repeat(32)}`),
      workerExitCodes.storage,
      'its pinned content is that of the whole file. Raise DISTILL_CACHE_BYTES, or leave out',
    ],
    [
      'in a format that is read as a whole',
      { format: 'files', uri: 's3://sets/one.tar' },
      workerExitCodes.terminal,
      'the format files is not read in parts. Raise DISTILL_CACHE_BYTES, or use webdataset',
    ],
  ])('is refused %s', async (_, settings, exit, message) => {
    expect(await endOf(settings)).toEqual({ exit, message: expect.stringContaining(message) });
  });
});

describe('a folder of archives that is larger than the cache', () => {
  test('is read in parts', async () => {
    await server.put('sets', 'shards/a.tar', tarOf(members.slice(0, 25)));
    await server.put('sets', 'shards/b.tar', tarOf(members.slice(25)));
    await reading(inTar('s3://sets/shards'), async (reader, opened) => {
      expect(opened.length).toBe(rows);
      expect(await reader.read([59, 0, 25, 24])).toEqual(wanted([59, 0, 25, 24]));
    });
  });
});

describe('a file of a web server that is larger than the cache', () => {
  const x = Float64Array.from({ length: 50_000 }, (_, row) => row / 7);
  const files: readonly (readonly [string, string, () => Uint8Array])[] = [
    ['x.parquet', 'parquet', () => parquetOf([{ name: 'x', data: x, type: 'DOUBLE' }], { rowGroupSize: 5_000 })],
    ['x.csv', 'csv', () => Buffer.from(`x\n${[...x].join('\n')}\n`)],
    ['x.jsonl', 'jsonl', () => Buffer.from([...x].map((each) => `{"x": ${String(each)}}\n`).join(''))],
    [
      'x.npy',
      'npy',
      () => {
        const head = `{'descr': '<f8', 'fortran_order': False, 'shape': (50000, 1), }`.padEnd(117, ' ');
        const start = Buffer.from(`\x93NUMPY\x01\0\x76\0${head}\n`, 'latin1');
        return Buffer.concat([start, Buffer.from(x.buffer)]);
      },
    ],
  ];

  test.each(files)('%s gives the same rows as a local one', async (name, format, make) => {
    const bytes = make();
    web.put(name, bytes);
    const path = join(folder, name);
    writeFileSync(path, bytes);
    const read = (uri: string): Promise<Answer> =>
      reading({ format, uri }, (reader) => reader.read([49_999, 0, 17, 25_000, 24_999]));
    const local = await read(`file://${path}`);
    expect(local.inputs).toBeDefined();
    expect(await read(`https://${web.host}/${name}`)).toEqual(local);
    expect(web.seen.filter(({ status }) => status === 206).length).toBeGreaterThan(1);
  });

  test('is refused by a server without parts', async () => {
    web.put('one.tar', shard);
    web.knowsRanges = false;
    expect(await endOf(inTar(`https://${web.host}/one.tar`))).toEqual({
      exit: workerExitCodes.terminal,
      message: expect.stringContaining(
        'the server sends no parts of it. Raise DISTILL_CACHE_BYTES, or use a server that knows',
      ),
    });
  });
});

describe('a job with a data set that is larger than the cache', () => {
  test('trains the same student as one with a file', async () => {
    const pictures = join(folder, 'pictures');
    await mnistPictures(pictures, { count: 256, format: 'png', labeled: true });
    const samples = readdirSync(pictures).flatMap((label) =>
      readdirSync(join(pictures, label)).flatMap((file) => [
        { name: file, content: readFileSync(join(pictures, label, file)) },
        { name: file.replace('.png', '.cls'), content: Buffer.from(label) },
      ]),
    );
    const archive = tarOf(samples);
    writeFileSync(join(folder, 'pictures.tar'), archive);
    await server.put('sets', 'pictures.tar', archive);
    const digestOf = async (name: string, uri: string, variables: Record<string, string>): Promise<unknown> => {
      const job = writeSmallJob(folder, '', (spec) => {
        spec.dataset = { format: 'webdataset', uri };
        Object.assign(spec.training, { epochs: 2, shuffle: 'Blocks', augment: {} });
      });
      const run = new DistillProcess(['run', job, '--json', '--dir', join(folder, name)], variables);
      expect({ code: await run.ended(), stderr: run.stderr }).toEqual({ code: 0, stderr: '' });
      expect(await run.survivors()).toEqual([]);
      return run.result?.digest;
    };
    const local = await digestOf('local', `file://${join(folder, 'pictures.tar')}`, {});
    const far = await digestOf('far', 's3://sets/pictures.tar', {
      ...server.variables(),
      AWS_ENDPOINT_URL: proxy.url,
      DISTILL_CACHE_FOLDER: join(folder, 'job-cache'),
      DISTILL_CACHE_BYTES: '100000',
    });
    expect(far).toBe(local);
    expect(local).toMatch(/^[0-9a-f]{64}$/);
    expect(proxy.seen.filter(({ path }) => path === '/sets/pictures.tar').length).toBeGreaterThan(2);
  });
});
