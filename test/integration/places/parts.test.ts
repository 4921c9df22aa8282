/** Data sets larger than the cache, read in parts from real servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { gzipSync } from 'node:zlib';

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
import { idx } from '../../unit/data/idx-files.js';
import { member, tar } from '../../unit/tables/tar-files.js';
import { npy, zip } from '../../unit/tables/zip-files.js';

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

/** Contents by their paths. */
type Folder = Readonly<Record<string, Uint8Array>>;

interface Answer {
  readonly length?: number;
  readonly notes?: string;
  readonly identity?: string | null;
  readonly inputs?: Record<string, number[]>;
  readonly labels?: number[];
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
    say({ length: set.train.length, notes: set.notes.join(), identity: await set.identity() });
    for await (const line of createInterface({ input: process.stdin })) {
      try {
        const rows = JSON.parse(line);
        const { inputs } = await set.train.read(rows);
        const targets = await set.train.targets(rows);
        say({
          inputs: Object.fromEntries(Object.entries(inputs).map(([name, { data }]) => [name, [...data]])),
          ...(targets === null ? {} : { labels: [...targets.labels] }),
        });
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

  /** @param cacheBytes less than the data sets have */
  constructor(settings: object, cacheBytes = 50_000) {
    const values = { ...server.variables(), AWS_ENDPOINT_URL: proxy.url };
    const cache = { folder: join(folder, `cache-${String(cacheBytes)}`), maxBytes: cacheBytes };
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

/** Whether a name in the cache folder is that of an entry. */
function isEntry(name: string): boolean {
  return /^[0-9a-f]{32}-[0-9a-f]+$/.test(name);
}

async function reading<T>(
  settings: object,
  work: (reader: Reader, opened: Answer) => Promise<T>,
  cacheBytes?: number,
): Promise<T> {
  const reader = new Reader(settings, cacheBytes);
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
    expect(readdirSync(join(folder, 'cache-50000')).filter(isEntry)).toEqual([]);
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
      'in a format that is a folder',
      { format: 'files', uri: 's3://sets/one.tar' },
      workerExitCodes.terminal,
      'one.tar: found a file, expected a folder with files.',
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

describe('a folder that is larger than the cache, of', () => {
  const bytesOf = (length: number, step: number): Buffer => Buffer.from(Array.from({ length }, (_, at) => at * step));
  const idxOf = (rows: number, step: number): Record<string, Uint8Array> => ({
    images: idx([rows, 28, 28], [...bytesOf(rows * 784, step)]),
    labels: idx(
      [rows],
      [...bytesOf(rows, 1)].map((each) => each % 10),
    ),
  });
  const [train, test_] = [idxOf(200, 7), idxOf(20, 11)];
  const idxFiles: Folder = {
    'train-images-idx3-ubyte': train.images!,
    'train-labels-idx1-ubyte': train.labels!,
    't10k-images-idx3-ubyte': test_.images!,
    't10k-labels-idx1-ubyte': test_.labels!,
  };
  const packed = Object.fromEntries(
    Object.entries(idxFiles).map(([name, content]) => [`${name}.gz`, gzipSync(Buffer.from(content), { level: 0 })]),
  );
  const arrays: Folder = {
    'x_train.npy': npy('|u1', [1_000, 64], bytesOf(64_000, 3)),
    'y_train.npy': npy('|u1', [1_000], bytesOf(1_000, 1)),
    'x_test.npy': npy('|u1', [10, 64], bytesOf(640, 5)),
    'y_test.npy': npy('|u1', [10], bytesOf(10, 1)),
  };
  const plain: Folder = Object.fromEntries(
    Array.from({ length: 6 }, (_, at) => [`${String(at % 2)}/${String(at)}.bin`, randomBytes(at * 7_000)]),
  );
  const pictures = async (): Promise<Folder> => {
    const path = join(folder, 'few-pictures');
    await mnistPictures(path, { count: 20, format: 'png', labeled: true });
    const names = readdirSync(path, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.png'));
    // Behind its end, a PNG file may hold anything.
    return Object.fromEntries(
      names.map((name) => [name, Buffer.concat([readFileSync(join(path, name)), Buffer.alloc(5_000)])]),
    );
  };
  const sets: readonly (readonly [string, string, object, () => Promise<Folder> | Folder])[] = [
    ['idx files', 'idx', {}, () => idxFiles],
    ['idx files of which one lies there twice', 'idx', {}, () => ({ ...idxFiles, 'copy/train-labels': train.labels! })],
    ['packed idx files', 'idx', {}, () => packed],
    ['npy files', 'npy', {}, () => arrays],
    ['pictures', 'imageFolder', {}, pictures],
    ['plain files', 'files', { fields: [{ ...fields[0], name: 'bytes', columns: ['bytes'] }] }, () => plain],
  ];

  test.each(sets)('%s gives the same samples as a local one, and is the same set', async (what, format, more, make) => {
    const files = await make();
    const name = what.replaceAll(' ', '-');
    for (const [file, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name, file)), { recursive: true });
      writeFileSync(join(folder, name, file), content);
      await server.put('sets', `${name}/${file}`, content);
    }
    const read = (uri: string, cacheBytes?: number): Promise<readonly Answer[]> =>
      reading(
        { format, uri, ...more },
        async (reader, { length = 0, notes, identity }) => {
          const all = Array.from({ length }, (_, at) => at);
          const given = await reader.read([length - 1, 0, 1, Math.floor(length / 2), 0, ...all]);
          return [given, { length, ...(identity === undefined ? {} : { identity }) }, { notes: notes ?? '' }];
        },
        cacheBytes,
      );
    const uri = `s3://sets/${name}`;
    const [local, cached, far] = [
      await read(`file://${join(folder, name)}`),
      await read(uri, 2 ** 22),
      await read(uri),
    ];
    expect(local[0]?.inputs).toBeDefined();
    expect(far[0]).toEqual(local[0]);
    // Workers on two machines may have caches of two sizes.
    expect(far[1]).toEqual(cached[1]);
    expect([cached, far].map(([, , opened]) => opened?.notes?.includes('in parts'))).toEqual([false, true]);
  });

  test('idx files that lie there in two versions is refused as a local one', async () => {
    for (const [file, content] of Object.entries({ ...idxFiles, 'old/train-images': test_.images! })) {
      await server.put('sets', `two/${file}`, content);
    }
    const { exit, message } = await endOf({ format: 'idx', uri: 's3://sets/two' });
    expect(exit).toBe(workerExitCodes.terminal);
    expect(message).toMatch(
      /found 2 candidates: .*train-images-idx3-ubyte, .*train-images, expected one file for each role/,
    );
  });

  describe('many small files', () => {
    const settings = { format: 'files', uri: 's3://sets/small', fields: [{ ...fields[0], columns: ['bytes'] }] };
    const content = Array.from({ length: 12 }, () => randomBytes(6_000));
    const wantedOf = (rows: readonly number[]): Answer => ({
      inputs: { bin: rows.flatMap((row) => [...content[row]!.subarray(0, 64), ...content[row]!.subarray(-64)]) },
    });
    const nameOf = (row: number): string => `small/${String(row).padStart(2, '0')}`;
    const ofFiles = ({ path }: { readonly path: string }): boolean => path.startsWith('/sets/small/');
    beforeEach(async () => {
      for (const [row, bytes] of content.entries()) await server.put('sets', nameOf(row), bytes);
    });

    test('fetches several at a time, and more than are kept', async () => {
      await reading(settings, async (reader) => {
        // The first request is answered when there is a second one.
        const { promise: second, resolve } = Promise.withResolvers<undefined>();
        let requests = 0;
        proxy.onRequest = async (request) => {
          if (!ofFiles(request)) return;
          if (++requests > 1) resolve(undefined);
          await second;
        };
        const rows = Array.from({ length: content.length }, (_, row) => row);
        expect(await reader.read(rows)).toEqual(wantedOf(rows));
      });
    });

    test('fetches a file once that a batch has twice', async () => {
      await reading(settings, async (reader) => {
        const before = proxy.seen.filter(ofFiles).length;
        expect(await reader.read([7, 7, 7])).toEqual(wantedOf([7, 7, 7]));
        expect(proxy.seen.filter(ofFiles).length - before).toBe(1);
      });
    });

    test('goes on through cuts and a busy server', async () => {
      await reading(settings, async (reader) => {
        proxy.plan({ kind: 'cutAnswer', after: 1_000 }, ofFiles, 2);
        proxy.plan({ kind: 'refuse', status: 503, code: 'SlowDown' }, ofFiles, 2);
        expect(await reader.read([3, 1, 4, 5, 9])).toEqual(wantedOf([3, 1, 4, 5, 9]));
      });
    });

    test('ends when one of them changes or goes away in the middle', async () => {
      await reading(settings, async (reader) => {
        await server.put('sets', nameOf(2), randomBytes(6_000));
        expect(await reader.read([1, 2, 3])).toEqual({
          exit: workerExitCodes.error,
          message: `s3://sets/${nameOf(2)}: the content changed while it was read in parts. Try again when no program writes it.`,
        });
        await server.remove('sets', nameOf(8));
        expect(await reader.read([8])).toEqual({
          exit: workerExitCodes.terminal,
          message: expect.stringMatching(/^s3:\/\/sets\/small\/08: there is no such file/),
        });
        expect(await reader.read([4, 5])).toEqual(wantedOf([4, 5]));
      });
    });

    test('ends at a refusal in the middle, without a word of the credentials', async () => {
      await reading(settings, async (reader) => {
        proxy.plan({ kind: 'refuse', status: 403, code: 'AccessDenied' }, ofFiles, 100);
        const answer = await reader.read([0, 1, 2, 3]);
        expect(answer.exit).toBe(workerExitCodes.terminal);
        expect(answer.message).toMatch(/the server refuses the credentials \(AccessDenied\)\./);
        expect(answer.message).not.toContain(rootKeys.id);
      });
    });
  });
});

describe('a file of a web server that is larger than the cache', () => {
  const x = Float64Array.from({ length: 50_000 }, (_, row) => row / 7);
  const files: readonly (readonly [string, string, () => Uint8Array])[] = [
    ['x.parquet', 'parquet', () => parquetOf([{ name: 'x', data: x, type: 'DOUBLE' }], { rowGroupSize: 5_000 })],
    ['x.csv', 'csv', () => Buffer.from(`x\n${[...x].join('\n')}\n`)],
    ['x.jsonl', 'jsonl', () => Buffer.from([...x].map((each) => `{"x": ${String(each)}}\n`).join(''))],
    ['x.csv.gz', 'csv', () => gzipSync(`x\n${[...x].join('\n')}\n`)],
    ['x.npy', 'npy', () => npy('<f8', [50_000, 1], Buffer.from(x.buffer))],
    ['x.npz', 'npy', () => zip({ 'x.npy': npy('<f8', [50_000, 1], Buffer.from(x.buffer)) }, 'stored')],
    ['packed.npz', 'npy', () => zip({ 'x.npy': npy('<f8', [50_000, 1], Buffer.from(x.buffer)) }, 'deflated')],
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
