/** Folders that are ours: how they become so, and that no other is written or removed. */
import {
  existsSync,
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

import {
  claimFolderSync,
  lookAtFolderSync,
  makeFolderSync,
  makeNewFolderSync,
  markFolderSync,
  markName,
  markOfSync,
  removeOwnFolderSync,
} from '@distillery/platform';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

let home: string;
let folder: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'distill-owned-'));
  folder = join(home, 'a', 'b');
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const mark = { kind: 'run' };

describe('a folder', () => {
  test('that is not there, or is empty, becomes ours', () => {
    expect(lookAtFolderSync(folder, mark)).toEqual({ kind: 'absent' });
    expect(claimFolderSync(folder, mark)).toEqual({ kind: 'made' });
    expect(claimFolderSync(folder, mark)).toEqual({ kind: 'ours' });
    mkdirSync(join(home, 'empty'));
    expect(lookAtFolderSync(join(home, 'empty'), mark)).toEqual({ kind: 'empty' });
    expect(claimFolderSync(join(home, 'empty'), mark)).toEqual({ kind: 'made' });
    expect(markOfSync(folder)).toEqual(mark);
  });

  test('in which a crash left half a mark becomes ours', () => {
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `${markName}.7-1.partial`), '{');
    expect(claimFolderSync(folder, mark)).toEqual({ kind: 'made' });
  });

  test.each<[string, () => void, readonly string[]]>([
    ['with a file', () => writeFileSync(join(folder, 'notes'), ''), ['notes']],
    ['with a hidden file', () => writeFileSync(join(folder, '.git'), ''), ['.git']],
    ['of another kind', () => markFolderSync(folder, { kind: 'nats' }), [markName]],
    ['of another owner', () => markFolderSync(folder, { kind: 'run', owner: 'u-1' }), [markName]],
    ['whose mark is damaged', () => writeFileSync(join(folder, markName), '{"kind":'), [markName]],
    ['whose mark is no object', () => writeFileSync(join(folder, markName), 'null'), [markName]],
    ['whose mark is a folder', () => mkdirSync(join(folder, markName)), [markName]],
    [
      'whose mark is a link',
      () => {
        writeFileSync(join(home, 'mark'), JSON.stringify(mark));
        symlinkSync(join(home, 'mark'), join(folder, markName));
      },
      [markName],
    ],
  ])('%s is neither taken nor removed', (_, fill, holds) => {
    mkdirSync(folder, { recursive: true });
    fill();
    const before = readdirSync(folder);
    expect(claimFolderSync(folder, mark)).toEqual({ kind: 'foreign', holds });
    expect(removeOwnFolderSync(folder, mark)).toBe('foreign');
    expect(readdirSync(folder)).toEqual(before);
  });

  test('that is empty and not ours stays', () => {
    makeFolderSync(folder);
    expect(removeOwnFolderSync(folder, mark)).toBe('foreign');
    expect(existsSync(folder)).toBe(true);
  });

  test('of ours is removed, and what links in it lead to stays', () => {
    claimFolderSync(folder, mark);
    mkdirSync(join(home, 'theirs'));
    writeFileSync(join(home, 'theirs', 'notes'), 'mine');
    symlinkSync(join(home, 'theirs'), join(folder, 'link'));
    expect(removeOwnFolderSync(folder, mark)).toBe('removed');
    expect(removeOwnFolderSync(folder, mark)).toBe('absent');
    expect(readFileSync(join(home, 'theirs', 'notes'), 'utf8')).toBe('mine');
  });

  test('behind a link, or a file in its place, is neither taken nor removed', () => {
    claimFolderSync(folder, mark);
    symlinkSync(folder, join(home, 'link'));
    writeFileSync(join(home, 'file'), '');
    expect(claimFolderSync(join(home, 'link'), mark)).toEqual({ kind: 'notAFolder', is: 'link' });
    expect(claimFolderSync(join(home, 'file'), mark)).toEqual({ kind: 'notAFolder', is: 'file' });
    expect(removeOwnFolderSync(join(home, 'link'), mark)).toBe('foreign');
    expect(existsSync(join(folder, markName))).toBe(true);
  });
});

describe('making a folder', () => {
  test('says whether it was there', () => {
    expect(makeNewFolderSync(folder)).toBe(true);
    expect(makeNewFolderSync(folder)).toBe(false);
    expect(makeFolderSync(folder)).toBe(false);
  });

  test.each([
    ['where the kernel makes none', () => '/proc/nowhere/a/b', 'ENOENT'],
    ['in place of a file', () => join(home, 'file'), 'ENOTDIR'],
    ['below a file', () => join(home, 'file', 'a'), 'ENOTDIR'],
  ])('%s ends with the code of the system', (_, path, code) => {
    writeFileSync(join(home, 'file'), '');
    expect(() => makeFolderSync(path())).toThrow(expect.objectContaining({ code }));
  });
});
