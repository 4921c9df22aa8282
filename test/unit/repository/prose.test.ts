/** The check of phrases, as a process on a folder of its own, and the order of the lists of words. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

const root = join(import.meta.dirname, '../../..');
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distillery-prose-'));
  write('scripts/prose/todo.txt', '# none\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(file: string, text: string): void {
  mkdirSync(dirname(join(folder, file)), { recursive: true });
  writeFileSync(join(folder, file), text);
}

/** @returns the lines that the check prints; it fails exactly when there are any */
function check(): string[] {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts/prose/phrases.ts')], {
    cwd: folder,
    encoding: 'utf8',
  });
  const lines = stderr.split('\n').filter((line) => line !== '');
  expect(status).toBe(lines.length === 0 ? 0 : 1);
  return lines;
}

describe('the check of phrases', () => {
  test('passes plain words', () => {
    write('src/a.ts', '// Reports what it holds. Shallow and withheld.\n');
    expect(check()).toEqual([]);
  });

  test.each([
    ['// It is told so.', 'told'],
    ['const toldOfPod = 1;', 'told'],
    ['const wasTold = 1;', 'told'],
    ['// Nobody waits.', 'nobody'],
    ['// It goes for  ever.', 'for ever'],
  ])('finds %j, and names what to write', (text, phrase) => {
    write('src/a.ts', `\n${text}\n`);
    expect(check()).toEqual([expect.stringMatching(new RegExp(`^src/a\\.ts:2:\\d+ ${phrase} -> .{5,}`))]);
  });

  test('reads docs, the chart and hidden folders, but nothing that was built', () => {
    for (const file of [
      'README.md',
      'charts/c/values.yaml',
      '.github/workflows/ci.yaml',
      'dist/a.js',
      'a/node_modules/b.js',
    ]) {
      write(file, 'shall\n');
    }
    expect(check().map((line) => line.split(':')[0])).toEqual([
      '.github/workflows/ci.yaml',
      'README.md',
      'charts/c/values.yaml',
    ]);
  });

  test('allows the files of the list, until they hold nothing any more', () => {
    write('scripts/prose/todo.txt', 'src/**\ndocs/a.md\n');
    write('src/room/a.ts', '// told\n');
    write('docs/a.md', 'plain\n');
    expect(check()).toEqual(['scripts/prose/todo.txt: docs/a.md has no finding any more. Delete the line.']);
  });
});

test.each(['words', 'test-words'])('scripts/prose/%s.txt is sorted, without repeats', (name) => {
  const lines = readFileSync(join(root, `scripts/prose/${name}.txt`), 'utf8')
    .trimEnd()
    .split('\n');
  const sorted = [...new Set(lines)].toSorted((a, b) => {
    const [left, right] = [a.toLowerCase(), b.toLowerCase()];
    return left < right ? -1 : left > right ? 1 : 0;
  });
  expect(lines).toEqual(sorted);
});
