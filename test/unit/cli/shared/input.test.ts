/** What the command reads: files in every encoding, pipes, standard input; and how it refuses anything else. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';

import { afterAll, describe, expect, test } from '@jest/globals';

import { CliError } from '../../../../src/cli/shared/cli-error.js';
import { readInputOf } from './inputs.js';

const folder = mkdtempSync(join(tmpdir(), 'distillery-input-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let pathCount = 0;
const newPath = (): string => join(folder, `path-${String(pathCount++)}`);

async function refusal(work: Promise<unknown>): Promise<CliError> {
  try {
    await work;
  } catch (error) {
    if (error instanceof CliError) return error;
    throw error;
  }
  throw new Error('nothing was refused');
}

const text = 'name: é\n';
const bigEndian = Buffer.from(`\ufeff${text}`, 'utf16le').swap16();

describe('a file', () => {
  test.each([
    ['UTF-8', Buffer.from(text)],
    ['UTF-8 with a byte-order mark', Buffer.from(`\ufeff${text}`)],
    ['UTF-16, little-endian', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['UTF-16, big-endian', bigEndian],
  ])('in %s is read', async (_encoding, bytes) => {
    const path = newPath();
    writeFileSync(path, bytes);
    expect(await readInputOf()(path)).toBe(text);
    expect(await readInputOf(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]))('-')).toBe(text);
  });

  test.each<readonly [string, (path: string) => void, string]>([
    ['nothing', () => undefined, 'found nothing, expected a file. Check the path.'],
    ['a folder', (path) => mkdirSync(path), 'found a folder, expected a file. Name a file.'],
    [
      'a dangling link',
      (path) => symlinkSync('nowhere', path),
      'found a link to nowhere, where nothing is, expected a file. Correct the link.',
    ],
    [
      'a circle of links',
      (path) => symlinkSync(path, path),
      'found links that lead in a circle, expected a file. Correct the links.',
    ],
    ['a device', (path) => symlinkSync('/dev/zero', path), 'found a device, expected a file. Name a file.'],
    [
      'a path through a file',
      (path) => symlinkSync('/dev/null/x', path),
      'found nothing, since a part of the path is a file, expected a file. Check the path.',
    ],
    [
      'text of another encoding',
      (path) => writeFileSync(path, Buffer.from('name: \xe9', 'latin1')),
      'not valid UTF-8 text. Save it as UTF-8.',
    ],
  ])('that is %s is refused with a sentence', async (_what, make, sentence) => {
    const path = newPath();
    make(path);
    const { reason, message } = await refusal(readInputOf()(path));
    expect({ reason, message }).toEqual({ reason: 'badInput', message: `${path}: ${sentence}` });
  });
});

describe('a pipe', () => {
  test('is read to its end, also when its writer comes late', async () => {
    const path = newPath();
    execFileSync('mkfifo', [path]);
    const reading = readInputOf()(path);
    const writer = spawn('sh', ['-c', `{ printf a; sleep 0.1; printf b; } > ${path}`], { stdio: 'ignore' });
    expect(await reading).toBe('ab');
    writer.kill();
  });

  test('without a writer is abandoned at Ctrl-C', async () => {
    const path = newPath();
    execFileSync('mkfifo', [path]);
    const stop = new AbortController();
    const reading = refusal(readInputOf(undefined, stop.signal)(path));
    stop.abort();
    const { reason, message } = await reading;
    expect({ reason, message }).toEqual({
      reason: 'interrupted',
      message: `${path}: stopped before all of it was read`,
    });
  });
});
