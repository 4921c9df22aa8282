/** `distill fetch`: what it copies from a cluster into a folder, and how it refuses. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { markFolderSync } from '@distillery/platform';
import { accessToSecret, type NatsAccess, resultSumsText } from '@distillery/protocol';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import type { DistillJob } from '../../../../src/api/index.js';
import type { CliError } from '../../../../src/cli/shared/cli-error.js';
import { exitCodes } from '../../../../src/cli/shared/exit.js';
import { fetchJob, type FetchOptions, type FetchTools } from '../../../../src/cli/cluster/fetch.js';
import { StreamError } from '../../../../src/stream/index.js';
import { clusterJob, completeStatus, conditionOf, resultsOf, testModel } from '../../../kit/model.js';

const model = testModel();
const access = { kind: 'creds', url: 'nats://nats.nats.svc:4222', creds: 'of the reader' } as const;
const secret = accessToSecret({ teacher: access, student: access, reader: access });

let home = '';
let folder = '';
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'distill-fetch-'));
  folder = join(home, 'model');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

interface World {
  readonly job?: object | null;
  readonly secret?: Record<string, string> | null;
  /** The only name of a Secret that exists; absent = any. */
  readonly secretName?: string;
  readonly objects?: readonly (readonly [string, Uint8Array])[];
  readonly connect?: FetchTools['connect'];
  readonly kubectlOptions?: readonly string[];
}

class Fetch {
  readonly lines: string[] = [];
  readonly asked: string[] = [];
  readonly connections: NatsAccess[] = [];
  readonly stop = new AbortController();
  open = 0;
  readonly #tools: FetchTools;

  constructor(world: World = {}) {
    const { job = clusterJob({ status: completeStatus(model.digest) }), objects = resultsOf(model) } = world;
    const store = new Map(objects);
    this.#tools = {
      jobs: {
        namespace: 'team-a',
        readJob: (namespace, name) => {
          this.asked.push(`job ${namespace}/${name}`);
          return Promise.resolve(job as DistillJob | null);
        },
        readSecret: (namespace, name) => {
          this.asked.push(`secret ${namespace}/${name}`);
          if (world.secretName !== undefined && name !== world.secretName) return Promise.resolve(null);
          return Promise.resolve(world.secret === undefined ? secret : world.secret);
        },
      },
      connect: (asked) => {
        const { stop, ...access } = asked;
        expect(stop).toBe(this.stop.signal);
        this.connections.push(access);
        if (world.connect !== undefined) return world.connect(asked);
        this.open += 1;
        return Promise.resolve({
          list: () => Promise.resolve(objects.map(([name, { length }]) => ({ name, bytes: length, digest: '' }))),
          // eslint-disable-next-line @typescript-eslint/require-await
          read: async function* (name) {
            const content = store.get(name) ?? new Uint8Array();
            const half = content.length >> 1;
            yield content.subarray(0, half);
            yield content.subarray(half);
          },
          close: () => {
            this.open -= 1;
            return Promise.resolve();
          },
        });
      },
      buckets: null,
      say: (line) => this.lines.push(line),
      kubectlOptions: world.kubectlOptions ?? [],
      stop: this.stop.signal,
    };
  }

  run(options: Partial<FetchOptions> = {}): Promise<void> {
    return fetchJob({ job: 'mnist', output: folder, credentials: 'job', force: false, ...options }, this.#tools);
  }
}

async function refusal(fetch: Fetch, options: Partial<FetchOptions> = {}): Promise<{ code: number; message: string }> {
  const error = await fetch.run(options).then(
    () => undefined,
    (thrown: unknown) => thrown as CliError,
  );
  if (error === undefined) throw new Error('nothing was refused');
  expect(fetch.open).toBe(0);
  return { code: exitCodes[error.reason], message: error.message };
}

function modelJson({ files }: typeof model): string {
  return new TextDecoder().decode(files['model.json']);
}

function many2(name: string): { name: string; bytes: number }[] {
  return [
    { name, bytes: 1 },
    { name, bytes: 1 },
  ];
}

describe('the model of a finished job', () => {
  test('is copied as a whole, its digest is checked, and nothing else is left', async () => {
    const fetch = new Fetch();
    await fetch.run();
    expect(fetch.asked).toEqual(['job team-a/mnist', 'secret team-a/mnist-distill-job-uid']);
    expect(fetch.connections).toEqual([{ ...access, uid: 'job-uid', waitMs: 5_000 }]);
    for (const [name, content] of Object.entries(model.files)) {
      expect(readFileSync(join(folder, name)).equals(content)).toBe(true);
    }
    expect(readdirSync(folder).sort()).toEqual(['metrics.json', 'model.json', 'weights.bin']);
    expect(fetch.lines).toEqual([
      `model     ${folder}: metrics.json, model.json, weights.bin`,
      `digest    ${model.digest}`,
      'accuracy  98.00 % of the evaluation split',
    ]);
    expect(fetch.open).toBe(0);
  });

  test('is read with the Secret of an earlier version, where the job ended before an upgrade', async () => {
    const fetch = new Fetch({ secretName: 'mnist-distill' });
    await fetch.run();
    expect(fetch.asked).toEqual([
      'job team-a/mnist',
      'secret team-a/mnist-distill-job-uid',
      'secret team-a/mnist-distill',
    ]);
    expect(existsSync(join(folder, 'model.json'))).toBe(true);
  });

  test('is read from the namespace and the address that the person names', async () => {
    const fetch = new Fetch();
    await fetch.run({ namespace: 'team-b', nats: 'nats://127.0.0.1:14222' });
    expect(fetch.asked[0]).toBe('job team-b/mnist');
    expect(fetch.connections).toEqual([{ ...access, url: 'nats://127.0.0.1:14222', uid: 'job-uid', waitMs: 5_000 }]);
  });

  test('is written into an empty folder, also where an earlier fetch was killed', async () => {
    mkdirSync(join(folder, '.part-abc'), { recursive: true });
    markFolderSync(join(folder, '.part-abc'), { kind: 'fetch' });
    writeFileSync(join(folder, '.part-abc', 'weights.bin'), 'half');
    // Killed before it marked its stage.
    for (const name of ['.part-x8Yz01', '.part-x8Yz02']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, '.part-x8Yz02', '.distillery.7-1.partial'), '{');
    await new Fetch().run();
    expect(readdirSync(folder).sort()).toEqual(['metrics.json', 'model.json', 'weights.bin']);
  });

  test.each(['.part', '.part-mine'])('never removes a folder %s of another owner', async (name) => {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, 'weights.bin'), 'the only copy');
    for (const force of [false, true]) {
      const { code, message } = await refusal(new Fetch(), { force });
      expect({ code, message }).toMatchObject({ code: 65, message: expect.stringContaining(`it holds ${name}.`) });
    }
    expect(readFileSync(join(folder, name, 'weights.bin'), 'utf8')).toBe('the only copy');
  });

  test('is never written through a link', async () => {
    const elsewhere = join(home, 'elsewhere');
    writeFileSync(elsewhere, 'the only copy');
    mkdirSync(folder);
    symlinkSync(elsewhere, join(folder, 'model.json'));
    await new Fetch().run({ force: true });
    expect(readFileSync(elsewhere, 'utf8')).toBe('the only copy');
    expect(lstatSync(join(folder, 'model.json')).isFile()).toBe(true);
  });

  test('replaces an earlier model only with --force, and nothing else', async () => {
    await new Fetch().run();
    const refused = await refusal(new Fetch());
    expect(refused).toEqual({
      code: 65,
      message:
        `folder ${folder}: it holds metrics.json, model.json, weights.bin. ` +
        'Choose another with --output, or replace the earlier model with --force.',
    });
    const other = testModel(2);
    const again = new Fetch({ job: clusterJob({ status: completeStatus(other.digest) }), objects: resultsOf(other) });
    await again.run({ force: true });
    expect(readFileSync(join(folder, 'weights.bin')).equals(other.files['weights.bin'] ?? new Uint8Array())).toBe(true);

    writeFileSync(join(folder, 'thesis.txt'), 'the only copy');
    expect(await refusal(new Fetch(), { force: true })).toEqual({
      code: 65,
      message: `folder ${folder}: it holds thesis.txt. Choose another with --output.`,
    });
    expect(readFileSync(join(folder, 'thesis.txt'), 'utf8')).toBe('the only copy');
  });

  test('is copied also when the status names no digest, and the digest is printed', async () => {
    const status = { phase: 'Succeeded', conditions: [conditionOf('Complete', 'Done.')] };
    const fetch = new Fetch({ job: clusterJob({ status }) });
    await fetch.run();
    expect(fetch.lines[1]).toBe(`digest    ${model.digest}`);
  });

  test.each([
    [
      'whose weights are others',
      resultsOf({
        ...model,
        files: { ...model.files, 'weights.bin': testModel(2).files['weights.bin'] ?? new Uint8Array() },
      }),
      /found weights with digest [0-9a-f]{64}, expected [0-9a-f]{64}, as the job's status says/,
    ],
    [
      'whose weights are cut off',
      resultsOf({ ...model, files: { ...model.files, 'weights.bin': new Uint8Array(20) } }),
      /found 20 bytes of weights, fewer than "dense\/kernel" needs/,
    ],
    [
      'with more weights than it names',
      resultsOf({ ...model, files: { ...model.files, 'weights.bin': new Uint8Array(99) } }),
      /found 99 bytes of weights, more than the 36 that are named/,
    ],
    ['without its weights', resultsOf(model).filter(([name]) => !name.endsWith('.bin')), /found no weights\.bin/],
    [
      'without its description',
      resultsOf(model).filter(([name]) => !name.endsWith('model.json')),
      /found no model\.json that names its weights/,
    ],
    [
      'with a name that leads out of the folder',
      [...resultsOf(model), ['result/..', new Uint8Array(1)] as [string, Uint8Array]],
      /result "\.\.": not a valid file name/,
    ],
    [
      'with a hidden name',
      [...resultsOf(model), ['result/.part', new Uint8Array(1)] as [string, Uint8Array]],
      /result "\.part"/,
    ],
    [
      'with a name in a folder',
      [...resultsOf(model), ['result/../../x', new Uint8Array(1)] as [string, Uint8Array]],
      /result "\.\.\/\.\.\/x"/,
    ],
  ])('%s is refused, and nothing of it is left', async (_, objects, sentence) => {
    const { code, message } = await refusal(new Fetch({ objects }));
    expect(code).toBe(65);
    expect(message).toMatch(sentence);
    expect(readdirSync(home)).toEqual([]);
  });

  const shaOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
  const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
  const listed = (files: Readonly<Record<string, Uint8Array>>): [string, Uint8Array][] => [
    ...Object.entries(files),
    ['SHA256SUMS', utf8(resultSumsText(new Map(Object.entries(files).map(([name, bytes]) => [name, shaOf(bytes)]))))],
  ];
  const asObjects = (files: [string, Uint8Array][]): [string, Uint8Array][] =>
    files.map(([name, bytes]) => [`result/${name}`, bytes]);
  const sound = listed(model.files);
  const soundStatus = {
    ...completeStatus(model.digest),
    result: {
      digest: model.digest,
      filesDigest: shaOf(sound.at(-1)![1]),
      accuracy: 0.98,
      metrics: [{ name: 'agreement', value: 0.981 }],
    },
  };
  /** Another topology for the same weights, which the digest of the weights does not cover. */
  const forgedTopology = { ...model.files, 'model.json': utf8(modelJson(model).replace('{}', '{"forged":true}')) };

  test('that lists its files is copied with the list, and `sha256sum -c` accepts it', async () => {
    const fetch = new Fetch({ job: clusterJob({ status: soundStatus }), objects: asObjects(sound) });
    await fetch.run();
    expect(fetch.lines.at(-1)).toBe('student   agrees with the teacher on 98.10 % of the last training samples');
    expect(readdirSync(folder).sort()).toEqual(['SHA256SUMS', 'metrics.json', 'model.json', 'weights.bin']);
    expect(spawnSync('sha256sum', ['--quiet', '--strict', '-c', 'SHA256SUMS'], { cwd: folder }).status).toBe(0);
  });

  test.each<[string, [string, Uint8Array][], RegExp]>([
    [
      'whose topology was exchanged',
      [...Object.entries(forgedTopology), ...sound.slice(-1)],
      /result model\.json: its SHA-256 is not the one in SHA256SUMS/,
    ],
    [
      'whose topology was exchanged with the list',
      listed(forgedTopology),
      /result SHA256SUMS: its SHA-256 is not the one in the job's status/,
    ],
    ['whose list was removed', sound.slice(0, -1), /there is no SHA256SUMS, which the job's status names/],
    ['with a file that is not in the list', [...sound, ['x.js', utf8('x')]], /result x\.js: its SHA-256 is not/],
    [
      'without a file of the list',
      sound.filter(([name]) => name !== 'metrics.json'),
      /there is no metrics\.json, which/,
    ],
  ])('%s is refused', async (_, files, sentence) => {
    const refused = await refusal(new Fetch({ job: clusterJob({ status: soundStatus }), objects: asObjects(files) }));
    expect(refused.code).toBe(65);
    expect(refused.message).toMatch(sentence);
    expect(readdirSync(home)).toEqual([]);
  });

  const many = (count: number, of: (at: number) => string): string =>
    `[${Array.from({ length: count }, (_, at) => of(at)).join()}]`;
  const manifestOf = (paths: string, weights: string): string =>
    `{"weightsManifest":[{"paths":${paths},"weights":${weights}}]}`;

  test.each<[string, string, RegExp]>([
    [
      'names a file a million times',
      manifestOf(
        many(1_000_000, () => '"weights.bin"'),
        '[]',
      ),
      /named twice/,
    ],
    [
      'names a tensor twice',
      manifestOf(
        '["weights.bin"]',
        many(2, () => '{"name":"a","shape":[1],"dtype":"float32"}'),
      ),
      /found "a" named twice in model\.json/,
    ],
    [
      'claims an endless tensor',
      manifestOf('["weights.bin"]', '[{"name":"a","shape":[4294967296,4294967296,4294967296],"dtype":"float32"}]'),
      /found 36 bytes of weights, fewer than "a" needs/,
    ],
    ['names a file elsewhere', manifestOf('["../../etc/passwd"]', '[]'), /found no model\.json that names its weights/],
  ])('whose model.json %s is refused before memory is allocated', async (_, json, sentence) => {
    const files = { ...model.files, 'model.json': utf8(json) };
    const { code, message } = await refusal(new Fetch({ objects: asObjects(Object.entries(files)) }));
    expect(code).toBe(65);
    expect(message).toMatch(sentence);
    expect(readdirSync(home)).toEqual([]);
  });

  test.each<[string, { name: string; bytes: number }[], number, RegExp]>([
    ['larger than the disk', [{ name: 'result/weights.bin', bytes: 2 ** 52 }], 74, /Free some space, or name a folder/],
    [
      'a model.json larger than any',
      [{ name: 'result/model.json', bytes: 65 * 2 ** 20 }],
      65,
      /found a model\.json of 68157440 bytes, more than a model has/,
    ],
    [
      'of a thousand files',
      Array.from({ length: 1_000 }, (_, at) => ({ name: `result/f${String(at)}`, bytes: 0 })),
      65,
      /results: there are 1000, and a job has at most 64/,
    ],
    ['the same twice', many2('result/model.json'), 65, /result model\.json: it is there twice/],
  ])('that claims to be %s is refused', async (_, list, wanted, sentence) => {
    const fetch = new Fetch({
      connect: () =>
        Promise.resolve({
          list: () => Promise.resolve(list.map((each) => ({ ...each, digest: '' }))),
          // eslint-disable-next-line @typescript-eslint/require-await
          read: async function* () {
            yield Uint8Array.of(1);
          },
          close: () => Promise.resolve(),
        }),
    });
    const { code, message } = await refusal(fetch);
    expect(code).toBe(wanted);
    expect(message).toMatch(sentence);
    expect(readdirSync(home)).toEqual([]);
  });

  test('that cannot be read to the end leaves nothing, and keeps an earlier model', async () => {
    await new Fetch().run();
    const broken = new StreamError('damaged', {
      about: 'object result/weights.bin',
      problem: 'its digest does not fit',
      remedy: '',
    });
    const fetch = new Fetch({
      connect: () =>
        Promise.resolve({
          list: () => Promise.resolve([{ name: 'result/weights.bin', bytes: 9, digest: '' }]),
          // eslint-disable-next-line @typescript-eslint/require-await
          read: async function* () {
            yield Uint8Array.of(1, 2, 3);
            throw broken;
          },
          close: () => Promise.resolve(),
        }),
    });
    await expect(fetch.run({ force: true })).rejects.toBe(broken);
    expect(readdirSync(folder).sort()).toEqual(['metrics.json', 'model.json', 'weights.bin']);
    expect(readFileSync(join(folder, 'weights.bin')).equals(model.files['weights.bin'] ?? new Uint8Array())).toBe(true);
  });

  test('is not written where a file is in the way', async () => {
    writeFileSync(folder, 'a file');
    const { code, message } = await refusal(new Fetch());
    expect({ code, message }).toEqual({
      code: 65,
      message: `--output ${folder}: ${folder} is not a folder. Name another folder.`,
    });
    expect(readFileSync(folder, 'utf8')).toBe('a file');
    const below = join(folder, 'below');
    expect(await refusal(new Fetch(), { output: below })).toEqual({
      code: 65,
      message: `--output ${below}: ${folder} is not a folder. Name another folder.`,
    });
  });

  test('is not written where a link leads nowhere, and nothing is read first', async () => {
    symlinkSync('/nowhere/model', folder);
    const fetch = new Fetch();
    expect(await refusal(fetch)).toEqual({
      code: 65,
      message: `--output ${folder}: ${folder} is a link to /nowhere/model, which does not exist. Name another folder.`,
    });
    expect(fetch.asked).toEqual([]);
    rmSync(folder);
  });

  test('is refused without naming --force when the folder holds files of others', async () => {
    mkdirSync(folder);
    writeFileSync(join(folder, 'thesis.txt'), 'the only copy');
    expect((await refusal(new Fetch())).message).not.toContain('--force');
  });
});

describe('a job', () => {
  test('that is not there: the remedy is a command for the same cluster that a shell accepts', async () => {
    const kubectlOptions = ['--kubeconfig', '/my clusters/a', '--context', 'it$self'];
    expect((await refusal(new Fetch({ job: null, kubectlOptions }))).message).toContain(
      "`kubectl --kubeconfig '/my clusters/a' --context 'it$self' get distilljobs -n team-a`",
    );
  });

  const running = {
    phase: 'Running',
    conditions: [{ ...conditionOf('Complete', 'Not yet.'), status: 'False' }],
    progress: { step: 812, steps: 1_407, percent: 57, epoch: 1, secondsLeft: 75 },
  };
  test.each([
    [
      'that is not there',
      null,
      65,
      'job team-a/mnist: there is no such DistillJob. List the jobs of the namespace with `kubectl get distilljobs -n team-a`.',
    ],
    [
      'that no operator has reconciled',
      clusterJob(),
      1,
      'job team-a/mnist: it is not complete: Pending. Wait for it with `kubectl wait --for=condition=Complete --timeout=-1s -n team-a distilljob/mnist`.',
    ],
    [
      'that runs',
      clusterJob({ status: running }),
      1,
      'job team-a/mnist: it is not complete: Running at step 812 of 1407 (57 %, about 1:15 left). Wait for it with `kubectl wait --for=condition=Complete --timeout=-1s -n team-a distilljob/mnist`.',
    ],
    [
      'that failed',
      clusterJob({
        status: {
          phase: 'Failed',
          conditions: [conditionOf('Failed', 'The teacher knows 10 classes, the student 9.')],
        },
      }),
      1,
      'job team-a/mnist: it failed and has no model: The teacher knows 10 classes, the student 9.',
    ],
    [
      'that failed with escape sequences and lines in its last words',
      clusterJob({
        status: { phase: 'Failed', conditions: [conditionOf('Failed', 'a\u001b[2Jb\nmodel  /tmp\u009b1m')] },
      }),
      1,
      'job team-a/mnist: it failed and has no model: a\\u001b[2Jb model  /tmp\\u009b1m',
    ],
    [
      'whose model lies elsewhere',
      clusterJob({ store: 'pvc://models/mnist/run-1', status: completeStatus(model.digest) }),
      1,
      'job team-a/mnist: its model is neither in NATS nor in a bucket, where this command reads, but in folder mnist/run-1 of PersistentVolumeClaim models of its namespace. Mount the claim into a pod to read it.',
    ],
    [
      'whose model is in a bucket, by the program of one file,',
      clusterJob({ store: 's3://models/mnist', status: completeStatus(model.digest) }),
      69,
      'job team-a/mnist: its results are in s3://models/mnist, and this program of one file reads no buckets. Use the same command of the npm package, or copy the objects with a client of the bucket.',
    ],
  ])('%s is refused with a sentence, and no request goes to NATS', async (_, job, code, message) => {
    const fetch = new Fetch({ job });
    expect(await refusal(fetch)).toEqual({ code, message });
    expect(fetch.connections).toEqual([]);
    expect(readdirSync(home)).toEqual([]);
  });

  test.each([
    [
      'that has no secret',
      null,
      'secret team-a/mnist-distill-job-uid: there is no such Secret. Check that the operator runs, which writes it.',
    ],
    [
      'whose secret knows no reader',
      { url: access.url },
      'secret team-a/mnist-distill-job-uid: it holds no credentials for a reader. Check that the operator runs, which writes it.',
    ],
  ])('%s is refused with a sentence', async (_, content, message) => {
    expect(await refusal(new Fetch({ secret: content }))).toEqual({ code: 69, message });
  });

  test('whose object store is empty is refused', async () => {
    const { code, message } = await refusal(
      new Fetch({ objects: [['checkpoint/step-1-attempt-1', new Uint8Array(9)]] }),
    );
    expect({ code, message }).toEqual({
      code: 1,
      message: 'job team-a/mnist: its object store is empty. Run the job again.',
    });
  });
});

describe('a NATS server', () => {
  const unreachable = new StreamError('unreachable', {
    about: 'NATS at nats://nats.nats.svc:4222',
    problem: 'no connection (ENOTFOUND)',
    remedy: 'check',
  });

  test('that only pods reach: the error says how to reach it', async () => {
    const { code, message } = await refusal(new Fetch({ connect: () => Promise.reject(unreachable) }));
    expect(code).toBe(69);
    expect(message).toMatch(/^NATS at .*ENOTFOUND.*That is the address for pods.*kubectl port-forward.*--nats nats:/);
  });

  test('that the person named and that does not answer is reported without advice', async () => {
    const fetch = new Fetch({ connect: () => Promise.reject(unreachable) });
    await expect(fetch.run({ nats: 'nats://127.0.0.1:1' })).rejects.toBe(unreachable);
  });

  test('is refused when its address comes with a login', async () => {
    const { code, message } = await refusal(new Fetch(), { nats: 'nats://me:secret@host:4222' });
    expect({ code, message }).toEqual({
      code: 2,
      message: "--nats: nats://host:4222 comes with a login. Give the address alone; the login is in the job's Secret.",
    });
  });
});

test('a stop closes the connection', async () => {
  const reading = Promise.withResolvers<undefined>();
  const closed = Promise.withResolvers<never>();
  closed.promise.catch(() => undefined);
  const fetch = new Fetch({
    connect: () =>
      Promise.resolve({
        list: () => Promise.resolve([{ name: 'result/weights.bin', bytes: 9, digest: '' }]),
        read: async function* () {
          reading.resolve(undefined);
          yield await closed.promise;
        },
        close: () => {
          closed.reject(new StreamError('unreachable', { about: '', problem: 'closed', remedy: '' }));
          return Promise.resolve();
        },
      }),
  });
  const running = fetch.run();
  await reading.promise;
  fetch.stop.abort();
  await expect(running).rejects.toThrow('closed');
  expect(readdirSync(home)).toEqual([]);
});
