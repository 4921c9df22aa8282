/** The certificates that the operator copies into jobs' Secrets: as their files are, and as they were while one is replaced. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, expect, test } from '@jest/globals';

import { certificatesOf } from '../../../src/stream/index.js';

const folder = mkdtempSync(join(tmpdir(), 'distillery-certificates-'));
const ca = join(folder, 'ca.crt');
const key = join(folder, 'tls.key');
let nowMs = 0;
const clock = { now: () => nowMs };
afterAll(() => rmSync(folder, { recursive: true }));

test('are the texts of the files, read again after a while', () => {
  writeFileSync(ca, 'first');
  const texts = certificatesOf({ ca }, clock);
  expect(texts()).toEqual({ ca: 'first' });
  writeFileSync(ca, 'second');
  expect(texts()).toEqual({ ca: 'first' });
  nowMs += 10_000;
  expect(texts()).toEqual({ ca: 'second' });
});

test('stay as they were while a file is missing', () => {
  writeFileSync(ca, 'a');
  writeFileSync(key, 'k');
  const texts = certificatesOf({ ca, cert: ca, key }, clock);
  rmSync(key);
  nowMs += 10_000;
  expect(texts()).toEqual({ ca: 'a', cert: 'a', key: 'k' });
});

test('are none without files, and are needed at the start', () => {
  expect(certificatesOf({}, clock)()).toBeUndefined();
  expect(() => certificatesOf({ ca: join(folder, 'gone') }, clock)).toThrow(/ENOENT/);
});
