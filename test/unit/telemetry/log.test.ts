/** Logs: one JSON object on each line, written at once, without secrets; logging never fails its caller. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { fileLog, type OutputLog, outputLog } from '../../../src/telemetry/index.js';

let folder = '';

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-log-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('a log', () => {
  test('has each line in the file when the call returns, after those of a run before', () => {
    const path = join(folder, 'engine.log');
    fileLog(path).info({ step: 1 }, 'first');
    const log = fileLog(path);
    log.warn({ step: 2 }, 'second');
    log.error({ step: 3 }, 'third');
    const lines = readFileSync(path, 'utf8')
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(lines.map(({ level, step, msg }) => [level, step, msg])).toEqual([
      [30, 1, 'first'],
      [40, 2, 'second'],
      [50, 3, 'third'],
    ]);
    for (const { time } of lines) expect(new Date(String(time)).getFullYear()).toBeGreaterThan(2_000);
  });

  test('escapes every character that a terminal acts on, and keeps the words', () => {
    const path = join(folder, 'engine.log');
    const words = 'a\u001b[2Jb\u009b1m\u2028\ufeff';
    fileLog(path).warn({ error: words }, words);
    const text = readFileSync(path, 'utf8').trimEnd();
    expect(text).not.toMatch(/[\p{Cc}\u2028\ufeff]/u);
    expect(JSON.parse(text)).toMatchObject({ error: words, msg: words });
  });

  test('on a full disk drops lines, and its caller does not fail', () => {
    const log = fileLog('/dev/full');
    for (let line = 0; line < 3; line++) expect(() => log.warn({ line }, 'no room')).not.toThrow();
  });

  test('that cannot be opened throws at once', () => {
    expect(() => fileLog(join(folder, 'nowhere', 'engine.log'))).toThrow('ENOENT');
  });
});

describe('the log of a pod', () => {
  function listen(level = 'info'): { log: OutputLog; lines: () => Record<string, unknown>[]; text: () => string } {
    let text = '';
    const log = outputLog(level, { write: (line: string) => (text += line) });
    const lines = (): Record<string, unknown>[] =>
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Record<string, unknown>);
    return { log, lines, text: () => text };
  }

  test('adds the fields of a child to each of its lines', () => {
    const { log, lines } = listen();
    const child = log.child({ job: 'team/mnist' }).child({ reconcileId: 7 });
    child.info({ generation: 3 }, 'decided');
    log.info({}, 'other');
    expect(lines()).toMatchObject([
      { job: 'team/mnist', reconcileId: 7, generation: 3, msg: 'decided', level: 30 },
      { msg: 'other' },
    ]);
    expect(lines()[1]).not.toHaveProperty('job');
  });

  test('writes what its level allows', () => {
    const { log, lines } = listen('warn');
    log.debug({}, 'a');
    log.info({}, 'b');
    log.warn({}, 'c');
    log.child({ x: 1 }).debug({}, 'd');
    expect(lines().map(({ msg }) => msg)).toEqual(['c']);
  });

  const seed = `SU${'A'.repeat(56)}`;
  const jwt = 'eyJ0eXAiOiJKV1QifQ.eyJqdGkiOiJaIn0.c2lnbmF0dXJl-x_y';
  test.each<[string, object, string, string]>([
    ['by the name of its field', { password: 'hunter2' }, 'x', 'hunter2'],
    ['by the name of its field, deep down', { a: { b: [{ nats_token: 'hunter2 "quoted"' }] } }, 'x', 'hunter2'],
    ['in the fields of a child', { Authorization: 'hunter2' }, 'x', 'hunter2'],
    ['in a URL', { nats: 'nats://me:hunter2@nats:4222,tls://hunter2@b' }, 'x', 'hunter2'],
    ['in a message', {}, 'NATS at nats://me:hunter2@nats:4222: no answer', 'hunter2'],
    ['in a URL that is not encoded', { nats: 'nats://me:pa/hunter2@nats:4222' }, 'nats://hunter2/x@b', 'hunter2'],
    ['in a URL with quotes', { nats: 'nats://me:"hunter2@nats:4222' }, 'x', 'hunter2'],
    ['that is a seed', { error: `bad seed ${seed}` }, 'x', seed],
    ['that is a user of NATS', {}, `refused ${jwt}`, jwt],
    ['in a .creds file', { text: `-----BEGIN USER NKEY SEED-----\n${seed}\n------END` }, 'x', seed],
    ['in a header', { error: 'authorization: Bearer abcdef0123456789' }, 'x', 'abcdef0123456789'],
    ['that is a private key', { e: '-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----' }, 'x', 'MIIB'],
  ])('has no secret %s', (_where, fields, message, secret) => {
    const { log, lines, text } = listen();
    log.info(fields, message);
    log.child(fields).warn({}, message);
    expect(text()).not.toContain(secret);
    expect(lines()).toHaveLength(2);
  });

  test('leaves other texts alone', () => {
    const { log, lines } = listen();
    const fields = {
      nats: 'nats://nats.nats:4222',
      image: 'registry.example/distillery/worker:0.1.0@sha256:0123',
      tokens: 7,
      digest: 'ddb33bd1c7c4ca92c0cdda7aca0caf286e3b6e37811415fdaaece5cc6d9b8393',
      mail: 'me@example.org',
    };
    log.info(fields, 'Pool gpu: 0 → 6 teachers (to fill the window).');
    expect(lines()).toMatchObject([{ ...fields, msg: 'Pool gpu: 0 → 6 teachers (to fill the window).' }]);
  });
});
