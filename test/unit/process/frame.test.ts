/** The frame of a worker: what it reads, how it ends, what it says last, how fast it was. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { imageNativeFolder, runtimeChoices, type WorkerEnding, workerExitCodes } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { CheckpointError, StoreError } from '../../../workers/checkpoint/index.js';
import { DataError, ReadError } from '../../../workers/samples/index.js';
import { LogitsError, ModelError } from '../../../workers/models/inference/index.js';
import { BatchError, NumericError, StateError, StudentModelError } from '../../../workers/models/training.js';
import { endingOf, unlessStopped } from '../../../workers/process/endings.js';
import { readEnvironment, readLabelingEnvironment } from '../../../workers/process/environment.js';
import { WorkerError, writeLastWords } from '../../../workers/base/exit.js';
import { RuntimeError } from '../../../workers/runtimes/index.js';
import { Meter } from '../../../workers/base/meter.js';
import { Fenced, LoginRefused, StreamRefused, StreamUnreachable } from '../../../workers/stream/index.js';
import { manifestWith } from '../../kit/worker-fakes.js';

let folder = '';
let sound: Record<string, string> = {};

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-frame-'));
  writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifestWith()));
  writeFileSync(join(folder, 'password'), 'secret\n');
  sound = {
    DISTILL_MANIFEST: join(folder, 'manifest.json'),
    DISTILL_NATS_URL: 'nats://127.0.0.1:4222',
    DISTILL_NATS_USER: 'student-job-a',
    DISTILL_NATS_PASSWORD_FILE: join(folder, 'password'),
    DISTILL_POD: 'student-1',
  };
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function refusalOf(read: () => unknown): WorkerError {
  try {
    read();
  } catch (error) {
    if (error instanceof WorkerError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const noVariables = { kind: 'variables', values: {} };
const noCredentials = { dataset: noVariables, model: noVariables, checkpoint: noVariables, output: noVariables };
const noPlaces = { cache: { folder: '', maxBytes: null }, credentials: noCredentials };

describe('the environment', () => {
  test('of remote places is a cache, folders of Secrets, and else the variables of AWS', () => {
    const set = {
      ...sound,
      DISTILL_CACHE_FOLDER: '/cache',
      DISTILL_CACHE_BYTES: '1000',
      DISTILL_MODEL_CREDENTIALS: '/secret',
      AWS_REGION: 'here',
    };
    expect(readEnvironment(set)).toMatchObject({
      cache: { folder: '/cache', maxBytes: 1_000 },
      credentials: {
        dataset: { kind: 'variables', values: { AWS_REGION: 'here' } },
        model: { kind: 'folder', path: '/secret' },
      },
    });
  });

  test('that has what is required is completed by defaults', () => {
    expect(readEnvironment(sound)).toEqual({
      manifest: manifestWith(),
      nats: {
        url: 'nats://127.0.0.1:4222',
        login: { kind: 'password', user: 'student-job-a', password: 'secret' },
        tls: {},
      },
      ...noPlaces,
      pod: 'student-1',
      pool: '',
      threads: 1,
      runtime: 'auto',
      nativeFolder: imageNativeFolder,
      folder: '',
      terminationLog: '/dev/termination-log',
      ownerPipe: false,
      tracing: null,
      logLevel: 'info',
    });
  });

  test('that sets everything is taken as it is', () => {
    const set = {
      ...sound,
      DISTILL_POOL: 'cpu',
      DISTILL_THREADS: '2',
      DISTILL_RUNTIME: 'wasm',
      DISTILL_NATIVE_FOLDER: '/native',
      DISTILL_FOLDER: folder,
      DISTILL_TERMINATION_LOG: join(folder, 'end'),
      DISTILL_OWNER_PIPE: '1',
      DISTILL_LOG_LEVEL: 'debug',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'https://collector',
      OTEL_TRACES_SAMPLER_ARG: '1',
    };
    expect(readEnvironment(set)).toMatchObject({
      pool: 'cpu',
      threads: 2,
      runtime: 'wasm',
      nativeFolder: '/native',
      folder,
      terminationLog: join(folder, 'end'),
      ownerPipe: true,
      tracing: { endpoint: 'https://collector', ratio: 1 },
      logLevel: 'debug',
    });
  });

  test.each([
    ['none', null],
    // What the operator sets where a template has `envFrom`.
    ['', imageNativeFolder],
  ])('that names the native build %j', (given, nativeFolder) => {
    expect(readEnvironment({ ...sound, DISTILL_NATIVE_FOLDER: given })).toMatchObject({ nativeFolder });
  });

  test.each([
    ['DISTILL_MANIFEST', undefined, 'found nothing, expected the path of the job manifest'],
    ['DISTILL_NATS_URL', undefined, 'found nothing, expected nats://host:port or tls://host:port'],
    ['DISTILL_NATS_URL', '', 'found "", expected nats://host:port or tls://host:port'],
    ['DISTILL_NATS_USER', undefined, 'found nothing, expected a user name'],
    ['DISTILL_NATS_PASSWORD_FILE', undefined, 'found nothing, expected the path of a file that holds the password'],
    ['DISTILL_POD', undefined, 'found nothing, expected a name of 1 to 253 letters, digits, dashes or underscores'],
    ['DISTILL_POD', 'a.b', 'found "a.b", expected a name of 1 to 253 letters, digits, dashes or underscores'],
    ['DISTILL_POOL', 'x'.repeat(64), 'expected at most 63 characters'],
    ['DISTILL_THREADS', '0', 'found "0", expected a whole number from 1 to 256'],
    ['DISTILL_THREADS', '257', 'found "257", expected a whole number from 1 to 256'],
    ['DISTILL_THREADS', 'two', 'found "two", expected a whole number from 1 to 256'],
    ['DISTILL_THREADS', '1.5', 'found "1.5", expected a whole number from 1 to 256'],
    ['DISTILL_RUNTIME', 'abacus', `found "abacus", expected one of ${runtimeChoices.join(', ')}`],
    ['DISTILL_NATIVE_FOLDER', 'here', 'found "here", expected an absolute path, or none'],
    ['OTEL_EXPORTER_OTLP_ENDPOINT', 'http://me:pw@c', 'found another value, expected http://HOST:PORT'],
    ['OTEL_TRACES_SAMPLER_ARG', 'all', 'found "all", expected a number from 0 to 1'],
    ['DISTILL_OWNER_PIPE', 'yes', 'found "yes", expected one of 0, 1'],
    ['DISTILL_LOG_LEVEL', 'loud', 'found "loud", expected one of trace, debug, info, warn, error'],
  ])('whose %s is %j is refused by a sentence that names it', (variable, value, sentence) => {
    const { message, reason } = refusalOf(() => readEnvironment({ ...sound, [variable]: value }));
    expect(reason).toBe('terminal');
    expect(message).toMatch(
      new RegExp(
        `^environment: ${variable}: .*\\. Set these variables as the operator does \\(docs/protocol\\.md\\)\\.$`,
      ),
    );
    expect(message).toContain(sentence);
  });

  test('with several faults is refused with all of them', () => {
    const { message } = refusalOf(() => readEnvironment({ DISTILL_POD: 'x', DISTILL_THREADS: '-1' }));
    const names = ['DISTILL_MANIFEST', 'DISTILL_NATS_URL', 'DISTILL_NATS_CREDS_FILE', 'DISTILL_THREADS'];
    for (const name of names) expect(message).toContain(`${name}: found`);
  });

  test.each([
    [
      'a manifest that is not there',
      'DISTILL_MANIFEST',
      '/nowhere/manifest.json',
      /^job manifest \/nowhere\/manifest\.json: found nothing, expected a text file/,
    ],
    [
      'a password file that is not there',
      'DISTILL_NATS_PASSWORD_FILE',
      '/nowhere/p',
      /^NATS password \/nowhere\/p: found nothing, expected a text file/,
    ],
  ])('that names %s is refused', (_what, variable, value, sentence) => {
    expect(refusalOf(() => readEnvironment({ ...sound, [variable]: value })).message).toMatch(sentence);
  });

  describe('for a server with accounts', () => {
    const credsFile = (): string => join(folder, 'student.creds');
    const creds = (seed: string): string =>
      `-----BEGIN NATS USER JWT-----\na.b.c\n------END NATS USER JWT------\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`;
    const withCreds = (): Record<string, string | undefined> => ({
      ...sound,
      DISTILL_NATS_USER: undefined,
      DISTILL_NATS_PASSWORD_FILE: undefined,
      DISTILL_NATS_CREDS_FILE: credsFile(),
    });
    beforeAll(() => writeFileSync(credsFile(), creds('SUONE')));

    test('names a file, whose text is read as it is at the time', () => {
      const { login } = readEnvironment(withCreds()).nats;
      if (login.kind !== 'creds') throw new Error('expected credentials');
      expect(login.read()).toBe(creds('SUONE'));
      writeFileSync(credsFile(), creds('SUTWO'));
      expect(login.read()).toBe(creds('SUTWO'));
    });

    test.each<[string, Record<string, string | undefined>, RegExp]>([
      [
        'nothing at all',
        { DISTILL_NATS_CREDS_FILE: undefined },
        /DISTILL_NATS_CREDS_FILE: found nothing, expected the path of a \.creds file, or DISTILL_NATS_USER and DISTILL_NATS_PASSWORD_FILE instead/,
      ],
      [
        'a user beside it',
        { DISTILL_NATS_USER: 'ann' },
        /DISTILL_NATS_CREDS_FILE: found ".*", expected either this or DISTILL_NATS_USER and DISTILL_NATS_PASSWORD_FILE/,
      ],
      [
        'a password beside it',
        { DISTILL_NATS_PASSWORD_FILE: '/p' },
        /DISTILL_NATS_CREDS_FILE: found ".*", expected either this or/,
      ],
      [
        'a token beside it',
        { DISTILL_NATS_TOKEN_FILE: '/t' },
        /DISTILL_NATS_CREDS_FILE: found ".*", expected either this or DISTILL_NATS_TOKEN_FILE/,
      ],
      [
        'a file that is not there',
        { DISTILL_NATS_CREDS_FILE: '/nowhere/x.creds' },
        /^NATS credentials \/nowhere\/x\.creds: found nothing, expected a text file/,
      ],
    ])('and %s is refused', (_, changes, sentence) => {
      const { message, reason } = refusalOf(() => readEnvironment({ ...withCreds(), ...changes }));
      expect(reason).toBe('terminal');
      expect(message).toMatch(sentence);
    });

    test('and a file that holds something else is refused without being shown', () => {
      const file = join(folder, 'other.creds');
      writeFileSync(file, 'SUSECRET');
      const { message } = refusalOf(() => readEnvironment({ ...withCreds(), DISTILL_NATS_CREDS_FILE: file }));
      expect(message).toBe(`NATS credentials: found no user JWT and seed in ${file}, expected a .creds file`);
    });
  });

  describe('with a token', () => {
    const tokenFile = (): string => join(folder, 'token');
    const withToken = (): Record<string, string | undefined> => ({
      ...sound,
      DISTILL_NATS_USER: undefined,
      DISTILL_NATS_PASSWORD_FILE: undefined,
      DISTILL_NATS_TOKEN_FILE: tokenFile(),
    });

    test('reads it without the line break at its end', () => {
      writeFileSync(tokenFile(), ' s3cr3t/tok \n');
      expect(readEnvironment(withToken()).nats.login).toEqual({ kind: 'token', token: ' s3cr3t/tok ' });
    });

    test('and a user beside it is refused', () => {
      const { message } = refusalOf(() => readEnvironment({ ...withToken(), DISTILL_NATS_USER: 'ann' }));
      expect(message).toMatch(/DISTILL_NATS_TOKEN_FILE: found ".*", expected either this or DISTILL_NATS_USER and/);
    });
  });

  test('never quotes an address or a user, which may hold a login', () => {
    const { message } = refusalOf(() =>
      readEnvironment({ ...sound, DISTILL_NATS_USER: 's3cr3t', DISTILL_NATS_CREDS_FILE: '/c', DISTILL_POD: '!' }),
    );
    expect(message).not.toContain('s3cr3t');
  });

  test('that names a manifest with a required feature of a later release is refused by its name, for good', () => {
    const file = join(folder, 'newer.json');
    writeFileSync(file, JSON.stringify({ ...manifestWith(), requires: ['test.newer'], dataset: { format: 'later' } }));
    const { message, reason } = refusalOf(() => readEnvironment({ ...sound, DISTILL_MANIFEST: file }));
    expect({ reason, message }).toEqual({
      reason: 'terminal',
      message:
        `${file}: job manifest: field requires: this release does not have test.newer. ` +
        "Use workers of the operator's version, which writes it.",
    });
  });

  test('that names a manifest with a wrong field is refused naming file and field', () => {
    const file = join(folder, 'wrong.json');
    writeFileSync(file, JSON.stringify({ ...manifestWith(), logits: { encoding: 'Int8', topK: 0, maxBytes: 1 } }));
    const { message, reason } = refusalOf(() => readEnvironment({ ...sound, DISTILL_MANIFEST: file }));
    expect({ reason, message }).toEqual({
      reason: 'terminal',
      message: expect.stringContaining(`${file}: job manifest: field logits.encoding`),
    });
  });

  test('for labeling alone needs no stream', () => {
    expect(readLabelingEnvironment({ DISTILL_MANIFEST: sound.DISTILL_MANIFEST })).toEqual({
      manifest: manifestWith(),
      threads: 1,
      runtime: 'auto',
      nativeFolder: imageNativeFolder,
      ...noPlaces,
    });
    expect(refusalOf(() => readLabelingEnvironment({})).message).toContain('DISTILL_MANIFEST: found nothing');
  });
});

describe('the ending of a worker', () => {
  const fault = { about: 'a', found: 'f', expected: 'e', remedy: 'r' };
  test.each<[string, unknown, WorkerEnding, number]>([
    ['bad data', new DataError(fault), 'terminal', 65],
    ['a bad teacher model', new ModelError({ ...fault, path: 'p' }), 'terminal', 65],
    ['a self-test without numbers', new LogitsError({ row: 0, column: 0, value: 'NaN' }), 'terminal', 65],
    ['a bad student model', new StudentModelError('w', 'f', 'e'), 'terminal', 65],
    ['a batch that does not fit', new BatchError('w', 'f', 'e'), 'terminal', 65],
    ['a state of another model', new StateError('t', 'f', 'e'), 'terminal', 65],
    ['a runtime that does not start', new RuntimeError('gpu', fault), 'terminal', 65],
    ['a file that could not be read this time', new ReadError(fault), 'error', 1],
    ['a loss that is no number', new NumericError('loss', 3), 'terminal', 65],
    ["another job's checkpoint", new CheckpointError('otherJob', { problem: 's', remedy: '' }), 'terminal', 65],
    ['a stream that says no', new StreamRefused('d', 'r'), 'terminal', 65],
    ['a server that knows no such login', new LoginRefused('u', 'w'), 'unreachable', 69],
    ['a stream that is gone', new StreamUnreachable('nats://h', 'r'), 'unreachable', 69],
    ['a store that can never hold it', new StoreError('tooSmall', '/p', fault), 'terminal', 65],
    ['a full disk', new StoreError('full', '/p', { problem: 's', remedy: '' }), 'storage', 74],
    ['a full object store', new WorkerError('storage', { about: '', problem: 's', remedy: '' }), 'storage', 74],
    ['a newer attempt', new Fenced(1, 2), 'fenced', 75],
    ['being asked to', new WorkerError('stopped', { about: '', problem: 's', remedy: '' }), 'stopped', 143],
    ['anything else', new TypeError('x is undefined'), 'error', 1],
    ['what is no error', 'a string', 'error', 1],
  ])('by %s', (_what, error, ending, code) => {
    expect(endingOf(error)).toBe(ending);
    expect(workerExitCodes[ending]).toBe(code);
  });
});

describe('last words', () => {
  test('are bounded, and replace older ones', () => {
    const file = join(folder, 'words');
    writeLastWords(file, 'x'.repeat(100_000));
    expect(readFileSync(file, 'utf8')).toHaveLength(4_000);
    writeLastWords(file, 'step 3: found NaN');
    expect(readFileSync(file, 'utf8')).toBe('step 3: found NaN');
  });

  test('never fail: they are the last act', () => {
    expect(() => writeLastWords('/nowhere/words', 'x')).not.toThrow();
    expect(() => writeLastWords(folder, 'x')).not.toThrow();
  });
});

describe('work that has nothing to save', () => {
  test('gives its result or its error when it is not stopped', async () => {
    const { signal } = new AbortController();
    expect(await unlessStopped(signal, () => Promise.resolve(7))).toBe(7);
    await expect(unlessStopped(signal, () => Promise.reject(new TypeError('x')))).rejects.toThrow(TypeError);
  });

  test('ends as stopped at once when it is, also when it never ends, and its later error is reported nowhere else', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const stop = new AbortController();
    const work = Promise.withResolvers<never>();
    const ended = unlessStopped(stop.signal, () => work.promise);
    stop.abort();
    await expect(ended).rejects.toMatchObject({ reason: 'stopped' });
    work.reject(new Error('too late'));
    await new Promise((resolve) => setImmediate(resolve));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });

  test('is not begun when it was stopped before', async () => {
    let begun = false;
    const work = (): Promise<void> => {
      begun = true;
      return Promise.resolve();
    };
    await expect(unlessStopped(AbortSignal.abort(), work)).rejects.toMatchObject({ reason: 'stopped' });
    expect(begun).toBe(false);
  });
});

describe('a meter', () => {
  const sample = (atMs: number, rows: number, busyMs: number, idleMs: number) => ({ atMs, rows, busyMs, idleMs });

  test('gives rates over wall time and over busy time', () => {
    const meter = new Meter(5_000);
    meter.add(sample(1_000, 100, 400, 600));
    meter.add(sample(2_000, 100, 400, 600));
    expect(meter.rates(2_000)).toEqual({ samplesPerSecond: 100, capableSamplesPerSecond: 250, busyFraction: 0.4 });
    // Nothing new for two seconds.
    expect(meter.rates(4_000)).toEqual({ samplesPerSecond: 50, capableSamplesPerSecond: 250, busyFraction: 0.4 });
  });

  test('forgets what is older than its window, but not what it is capable of', () => {
    const meter = new Meter(5_000);
    meter.add(sample(1_000, 100, 500, 0));
    expect(meter.rates(1_000).capableSamplesPerSecond).toBe(200);
    expect(meter.rates(6_001)).toEqual({ samplesPerSecond: 0, capableSamplesPerSecond: 200, busyFraction: 0 });
    meter.add(sample(7_000, 10, 100, 0));
    expect(meter.rates(7_000)).toEqual({ samplesPerSecond: 100, capableSamplesPerSecond: 100, busyFraction: 1 });
  });

  test('before any work knows no rate', () => {
    expect(new Meter().rates(5)).toEqual({ samplesPerSecond: 0, capableSamplesPerSecond: 0, busyFraction: 0 });
  });

  test('stays right when it drops old samples because there are too many', () => {
    const meter = new Meter(1e9);
    for (let at = 1; at <= 50_000; at++) meter.add(sample(at * 10, 1, 5, 5));
    const rates = meter.rates(500_000);
    expect(rates.samplesPerSecond).toBeCloseTo(100, 6);
    expect(rates).toMatchObject({ capableSamplesPerSecond: 200, busyFraction: 0.5 });
  });
});
