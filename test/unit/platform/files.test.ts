import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { decodeText } from '@distillery/base';
import { readTextSync, writeNewSync, writeWhole, writeWholeSync } from '@distillery/platform';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-platform-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('writing a file whole', () => {
  it.each([
    ['writeWhole', writeWhole],
    [
      'writeWholeSync',
      async (...args: Parameters<typeof writeWholeSync>) => {
        await Promise.resolve();
        writeWholeSync(...args);
      },
    ],
  ])('%s replaces the target, keeps the mode asked for and leaves nothing else', async (_, write) => {
    const path = join(folder, 'status.json');
    writeFileSync(path, 'old');
    await write(path, 'new', { mode: 0o600 });
    expect(readFileSync(path, 'utf8')).toBe('new');
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readdirSync(folder)).toEqual(['status.json']);
  });

  it.each([
    ['writeWhole', writeWhole],
    ['writeWholeSync', (path: string, data: string) => Promise.resolve().then(() => writeWholeSync(path, data))],
  ])('%s leaves the target and the folder as they were when it fails', async (_, write) => {
    const path = join(folder, 'taken');
    mkdirSync(path);
    writeFileSync(join(path, 'inside'), 'kept');
    await expect(write(path, 'new')).rejects.toMatchObject({ code: 'EISDIR' });
    expect(readdirSync(folder)).toEqual(['taken']);
    expect(readFileSync(join(path, 'inside'), 'utf8')).toBe('kept');
  });

  it('writeNewSync writes a new file, replaces neither a file nor a link, and leaves nothing else', () => {
    const path = join(folder, 'job.yaml');
    writeNewSync(path, 'mine', { mode: 0o600 });
    expect({ text: readFileSync(path, 'utf8'), mode: statSync(path).mode & 0o777 }).toEqual({
      text: 'mine',
      mode: 0o600,
    });
    symlinkSync(join(folder, 'nowhere'), join(folder, 'link'));
    for (const name of ['job.yaml', 'link']) {
      expect(() => writeNewSync(join(folder, name), 'other')).toThrow(expect.objectContaining({ code: 'EEXIST' }));
    }
    expect(readFileSync(path, 'utf8')).toBe('mine');
    expect(readdirSync(folder).sort()).toEqual(['job.yaml', 'link']);
  });

  it('lets many writers of one target end with one of their texts, whole', async () => {
    const path = join(folder, 'contested');
    const texts = Array.from({ length: 20 }, (_, at) => String(at).repeat(1_000));
    await Promise.all(texts.map((text) => writeWhole(path, text)));
    expect(texts).toContain(readFileSync(path, 'utf8'));
    expect(readdirSync(folder)).toEqual(['contested']);
  });
});

describe('reading text that people wrote', () => {
  const utf16be = (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le').swap16();
  it.each([
    ['UTF-8', Buffer.from('name: Äpfel')],
    ['UTF-8 with a byte-order mark', Buffer.from('\ufeffname: Äpfel')],
    ['UTF-16, little-endian', Buffer.from('\ufeffname: Äpfel', 'utf16le')],
    ['UTF-16, big-endian', utf16be('name: Äpfel')],
  ])('reads %s', (_, bytes) => {
    const path = join(folder, 'job.yaml');
    writeFileSync(path, bytes);
    expect(readTextSync(path)).toBe('name: Äpfel');
  });

  it('says what is wrong with bytes that are not text', () => {
    expect(() => decodeText(Uint8Array.of(0x61, 0xff, 0x62))).toThrow('not valid UTF-8 text. Save it as UTF-8.');
    expect(() => decodeText(Uint8Array.of(0xff, 0xfe, 0x61))).toThrow('not valid UTF-16LE text. Save it as UTF-8.');
  });
});
