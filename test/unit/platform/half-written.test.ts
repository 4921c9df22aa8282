/** What killed processes left half-written, and whose files a sweep removes. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import {
  claimFolderSync,
  isAlive,
  markFolderSync,
  markName,
  removeTemporarySync,
  sweepHalfWrittenSync,
  targetOfPartial,
  writeWhole,
} from '@distillery/platform';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

/** The pid of no process: the largest that Linux assigns. */
const deadPid = 4_194_304;
const own = { isOwn: (target: string): boolean => target === 'status.json' };

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'distill-half-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const put = (...names: string[]): void => names.forEach((name) => writeFileSync(join(folder, name), 'half'));

describe('a sweep', () => {
  it('removes what a killed writer left of the own files, and nothing else', () => {
    put('status.json', `status.json.${String(deadPid)}-3.partial`, `notes.txt.${String(deadPid)}-1.partial`);
    put('status.json.partial', 'status.json.old.partial', `status.json.${String(deadPid)}-3.partial.bak`);
    mkdirSync(join(folder, `status.json.${String(deadPid)}-4.partial`));
    symlinkSync(join(folder, 'notes.txt'), join(folder, `status.json.${String(deadPid)}-5.partial`));
    const before = readdirSync(folder).sort();
    sweepHalfWrittenSync(folder, own);
    expect(readdirSync(folder).sort()).toEqual(before.filter((name) => !name.endsWith('-3.partial')));
  });

  it('of a folder that does not exist does nothing', () => {
    expect(() => sweepHalfWrittenSync(join(folder, 'none'), own)).not.toThrow();
  });

  it('leaves what a living process may be writing, unless the caller knows better', async () => {
    const other = spawn(process.execPath, ['-e', 'setInterval(() => undefined, 1000)']);
    try {
      const name = `status.json.${String(other.pid)}-1.partial`;
      put(name);
      sweepHalfWrittenSync(folder, own);
      expect(readdirSync(folder)).toEqual([name]);
      sweepHalfWrittenSync(folder, { ...own, isWriting: () => false });
      expect(readdirSync(folder)).toEqual([]);
    } finally {
      other.kill('SIGKILL');
      await once(other, 'exit');
    }
    expect(isAlive(other.pid ?? 0)).toBe(false);
  });

  it('never takes the file that this process is writing, and takes that of an earlier process with its pid', async () => {
    const halfway = Promise.withResolvers<undefined>();
    const rest = Promise.withResolvers<undefined>();
    const writing = writeWhole(
      join(folder, 'status.json'),
      (async function* () {
        yield Buffer.from('first ');
        halfway.resolve(undefined);
        await rest.promise;
        yield Buffer.from('second');
      })(),
    );
    await halfway.promise;
    put(`status.json.${String(process.pid)}-999999.partial`);
    sweepHalfWrittenSync(folder, { ...own, isWriting: () => false });
    expect(readdirSync(folder)).toHaveLength(1);
    rest.resolve(undefined);
    await writing;
    expect(readdirSync(folder)).toEqual(['status.json']);
  });

  it('finds what a process leaves that is killed in the middle of a write', async () => {
    const platform = join(import.meta.dirname, '../../../packages/platform/dist/index.js');
    const script = `
      import { writeWhole } from ${JSON.stringify(platform)};
      await writeWhole(${JSON.stringify(join(folder, 'status.json'))}, (async function* () {
        yield Buffer.alloc(100);
        console.log('halfway');
        await new Promise((resolve) => setTimeout(resolve, 600_000));
      })());`;
    const writer = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await Promise.race([once(writer.stdout, 'data'), once(writer, 'exit')]);
    writer.kill('SIGKILL');
    await once(writer, 'exit');
    expect(readdirSync(folder).map(targetOfPartial)).toEqual(['status.json']);
    sweepHalfWrittenSync(folder, own);
    expect(readdirSync(folder)).toEqual([]);
  });
});

describe('a folder that is marked', () => {
  it('keeps no half mark of an earlier marking', () => {
    put(`${markName}.${String(deadPid)}-1.partial`);
    expect(claimFolderSync(folder, { kind: 'run' })).toEqual({ kind: 'made' });
    expect(readdirSync(folder)).toEqual([markName]);
  });
});

describe('a temporary folder that a killed process left', () => {
  const mark = { kind: 'fetch' };
  const place = (): string => join(folder, 'stage');
  beforeEach(() => mkdirSync(place()));

  it.each<[string, () => void]>([
    ['is empty', () => undefined],
    ['holds half a mark', () => writeFileSync(join(place(), `${markName}.${String(deadPid)}-1.partial`), '{')],
    [
      'is marked and holds files',
      () => {
        markFolderSync(place(), mark);
        writeFileSync(join(place(), 'weights.bin'), 'half');
      },
    ],
  ])('is removed when it %s', (_, fill) => {
    fill();
    expect(removeTemporarySync(place(), mark)).toBe(true);
    expect(readdirSync(folder)).toEqual([]);
  });

  it.each<[string, () => void]>([
    ['holds a file and no mark', () => writeFileSync(join(place(), 'weights.bin'), 'the only copy')],
    ['is of another kind', () => markFolderSync(place(), { kind: 'run' })],
  ])('stays when it %s', (_, fill) => {
    fill();
    expect(removeTemporarySync(place(), mark)).toBe(false);
    expect(readdirSync(place())).toHaveLength(1);
  });
});
