/** Refused writes of a nats-server, read from its log. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeEach, expect, test } from '@jest/globals';

import { RefusedWrites } from '../../../src/stream/server/refused-writes.js';

const folder = mkdtempSync(join(tmpdir(), 'distill-refused-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const log = join(folder, 'nats-server.log');
const stamp = '[19110] 2026/11/30 08:30:05.566849';
const refused = (text: string): string =>
  `${stamp} [ERR] JetStream failed to store a msg on stream '$G > KV_DISTILL_1_STATE': write /run/nats/1.blk: ${text}\n`;

beforeEach(() => writeFileSync(log, `${stamp} [INF] Server is ready\n`));

test.each([
  ['file too large', 'EFBIG'],
  ['disk quota exceeded', 'EDQUOT'],
  ['input/output error', 'EIO'],
  ['read-only file system', 'EROFS'],
])('%s is %s, reported once', async (text, code) => {
  const watch = await RefusedWrites.after(log);
  expect(await watch.next()).toBe(null);
  appendFileSync(log, `${stamp} [INF] a line\n${refused(text)}`);
  expect(await watch.next()).toBe(code);
  expect(await watch.next()).toBe(null);
});

test('what an earlier server met does not count', async () => {
  appendFileSync(log, refused('file too large'));
  expect(await (await RefusedWrites.after(log)).next()).toBe(null);
});

test('errors that are no refusal of the system do not count', async () => {
  const watch = await RefusedWrites.after(log);
  appendFileSync(
    log,
    `${stamp} [ERR] JetStream failed to store a msg on stream '$G > S': store is closed\n` +
      `${stamp} [ERR] JetStream failed to store a msg on stream '$G > S': write 1.blk: a text of tomorrow\n`,
  );
  expect(await watch.next()).toBe(null);
});

test('a line that is written in two parts is read when it is whole', async () => {
  const watch = await RefusedWrites.after(log);
  const line = refused('file too large');
  appendFileSync(log, line.slice(0, -9));
  expect(await watch.next()).toBe(null);
  appendFileSync(log, line.slice(-9));
  expect(await watch.next()).toBe('EFBIG');
});

test('a log that begins again is read from its start', async () => {
  appendFileSync(log, 'x'.repeat(4_000));
  const watch = await RefusedWrites.after(log);
  writeFileSync(log, refused('file too large'));
  expect(await watch.next()).toBe('EFBIG');
});

test('a log that is not there says nothing', async () => {
  expect(await (await RefusedWrites.after(join(folder, 'absent.log'))).next()).toBe(null);
});
