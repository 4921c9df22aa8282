import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { writeWhole } from '@distillery/platform';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  type Checkpoint,
  type CheckpointEntry,
  CheckpointError,
  type CheckpointStore,
  decodeCheckpoint,
  encodeCheckpoint,
  type FileCalls,
  type Keeping,
  loadNewest,
  newestFirst,
  openFileStore,
  prune,
  StoreError,
  type StoreFaultReason,
  surplus,
} from '../../../workers/checkpoint/index.js';
import { memoryStore, small, unbroken } from './checkpoints.js';

let folder = '';
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'distillery-checkpoints-'));
});
afterEach(() => rm(folder, { recursive: true }));

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const keysOf = async (store: CheckpointStore): Promise<string[]> =>
  (await store.list()).map(({ step, attempt }) => `${step}/${attempt}`);

const failure = (code: string): Error => Object.assign(new Error(`${code}: made up`), { code });
const storeErrorOf = async (work: Promise<unknown>): Promise<StoreError> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(StoreError);
  return error as StoreError;
};

/** File calls that do what the real ones do, but for those given. */
function fileCalls(changed: Partial<FileCalls>): FileCalls {
  return {
    write: writeWhole,
    readFile: (path) => readFile(path),
    ...changed,
  };
}

describe.each<[string, () => Promise<CheckpointStore>]>([
  ['in files', () => openFileStore(join(folder, 'made', 'on', 'the', 'way'))],
  ['in memory', () => Promise.resolve(memoryStore())],
])('a store %s', (_, open) => {
  test('returns what was stored, newest first by step and then by attempt', async () => {
    const store = await open();
    for (const [step, attempt] of [
      [200, 1],
      [1_000, 1],
      [400, 2],
      [400, 10],
    ] as const) {
      await store.put(step, attempt, bytesOf(`${step} of ${attempt}`), unbroken);
    }
    expect(await keysOf(store)).toEqual(['1000/1', '400/10', '400/2', '200/1']);
    for (const entry of await store.list()) {
      const bytes = await store.get(entry);
      expect(textOf(bytes)).toBe(`${entry.step} of ${entry.attempt}`);
      expect(entry.bytes).toBe(bytes.length);
    }
  });

  test('replaces a checkpoint that is stored again', async () => {
    const store = await open();
    await store.put(1, 1, bytesOf('longer than the next'), unbroken);
    await store.put(1, 1, bytesOf('short'), unbroken);
    expect(await keysOf(store)).toEqual(['1/1']);
    expect(textOf(await store.get({ step: 1, attempt: 1, bytes: 5 }))).toBe('short');
  });

  test('removes what it is asked to, and keeps the newest steps when it is pruned', async () => {
    const store = await open();
    for (const key of ['0/1', '200/1', '400/1', '400/2', '600/2']) {
      const [step = 0, attempt = 0] = key.split('/').map(Number);
      await store.put(step, attempt, bytesOf(key), unbroken);
    }
    const sound = [{ step: 600, attempt: 2 }];
    await prune(store, { keep: 3, attempt: 2, sound });
    expect(await keysOf(store)).toEqual(['600/2', '400/2', '200/1']);
    await prune(store, { keep: 1, attempt: 2, sound });
    expect(await keysOf(store)).toEqual(['600/2']);
    await store.remove({ step: 600, attempt: 2 });
    await store.remove({ step: 600, attempt: 2 });
    expect(await keysOf(store)).toEqual([]);
  });

  test('stores nothing when the fence is broken', async () => {
    const store = await open();
    const fence = (): Promise<void> => Promise.reject(new Error('fenced'));
    await expect(store.put(1, 1, bytesOf('late'), fence)).rejects.toThrow('fenced');
    expect(await keysOf(store)).toEqual([]);
  });

  test('reports a missing checkpoint', async () => {
    const store = await open();
    expect((await storeErrorOf(store.get({ step: 9, attempt: 9, bytes: 0 }))).reason).toBe('missing');
  });
});

describe('the file store', () => {
  test('finds what an earlier process wrote, and leaves other files alone', async () => {
    const first = await openFileStore(folder);
    await first.put(7, 1, bytesOf('kept'), unbroken);
    await writeFile(join(folder, 'notes.txt'), 'mine');
    await mkdir(join(folder, 'step-0000000009-attempt-1.ckpt'));
    const second = await openFileStore(folder);
    expect(await keysOf(second)).toEqual(['7/1']);
    await second.remove({ step: 7, attempt: 1 });
    expect(await keysOf(second)).toEqual([]);
    expect(await readdir(folder)).toContain('notes.txt');
  });

  test('removes what a crash left in the middle of a write and nothing else, and never lists it', async () => {
    const store = await openFileStore(folder);
    await store.put(200, 1, bytesOf('whole'), unbroken);
    const [name = ''] = await readdir(folder);
    const half = name.replace('200', '400');
    const younger = name.replace('attempt-1', 'attempt-2');
    await writeFile(join(folder, `${half}.partial`), 'hal');
    await writeFile(join(folder, `${half}.12-3.partial`), 'hal');
    await writeFile(join(folder, `${younger}.12-3.partial`), 'still being writ');
    await writeFile(join(folder, 'download.partial'), 'of another program');
    expect(await keysOf(store)).toEqual(['200/1']);
    const second = await openFileStore(folder);
    await second.sweep(2);
    // What this attempt or a newer one writes is no leftover.
    expect((await readdir(folder)).sort()).toEqual(['download.partial', name, `${younger}.12-3.partial`].sort());
  });

  test.each<[string, StoreFaultReason, string]>([
    ['EFBIG', 'limited', 'a limit on the size of a file is reached (EFBIG). Raise it'],
    ['ENOSPC', 'full', 'no space is left on its disk (ENOSPC). Free some space.'],
    ['EDQUOT', 'full', 'the disk quota is used up'],
    ['EROFS', 'readOnly', 'the file system is read-only (EROFS). Mount it writable.'],
    ['EACCES', 'forbidden', 'it may not be read or written'],
    ['EIO', 'unreadable', 'an input/output error'],
    ['EWEIRD', 'other', 'EWEIRD: made up'],
  ])('on %s keeps the old checkpoint, leaves nothing half-written and says what to do', async (code, kind, words) => {
    const sound = await openFileStore(folder);
    await sound.put(200, 1, bytesOf('old'), unbroken);
    // As a disk that takes the first piece.
    const halfWritten = async function* (bytes: Uint8Array): AsyncGenerator<Uint8Array> {
      await Promise.resolve();
      yield bytes.subarray(0, 2);
      throw failure(code);
    };
    for (const write of [
      (path: string, bytes: Uint8Array) => writeWhole(path, halfWritten(bytes)),
      () => Promise.reject(failure(code)),
    ]) {
      const store = await openFileStore(folder, fileCalls({ write }));
      for (const step of [200, 400]) {
        const error = await storeErrorOf(store.put(step, 1, bytesOf('new'), unbroken));
        expect(error.reason).toBe(kind);
        expect(error.message).toContain(words);
        expect(error.path).toContain(folder);
      }
      expect(await readdir(folder)).toEqual(['step-0000000200-attempt-1.ckpt']);
      expect(textOf(await sound.get({ step: 200, attempt: 1, bytes: 3 }))).toBe('old');
    }
  });

  test('reports a disk that is really full', async () => {
    // The kernel's own full disk: every write to it fails with ENOSPC.
    const store = await openFileStore(folder, fileCalls({ write: (_, bytes) => writeFile('/dev/full', bytes) }));
    expect((await storeErrorOf(store.put(1, 1, bytesOf('some bytes'), unbroken))).reason).toBe('full');
  });

  test('is refused in place of a file or below one', async () => {
    await writeFile(join(folder, 'file'), '');
    for (const name of ['file', 'file/below']) {
      const error = await storeErrorOf(openFileStore(join(folder, name)));
      expect(error.message).toContain('found a file, expected a folder (ENOTDIR). Name another folder.');
    }
  });
});

describe('surplus', () => {
  const entry = (step: number, attempt: number): CheckpointEntry => ({ step, attempt, bytes: 1 });
  const surplusOf = (entries: CheckpointEntry[], keeping: Keeping): string[] =>
    surplus(entries, keeping).map(({ step, attempt }) => `${step}/${attempt}`);

  test('never includes the newest sound one, even when there is a damaged one of a higher step or attempt', () => {
    const entries = [entry(900, 1), entry(600, 2), entry(300, 1)];
    const sound = [{ step: 600, attempt: 2 }];
    expect(surplusOf(entries, { keep: 1, attempt: 2, sound })).toEqual(['900/1', '300/1']);
    expect(surplusOf(entries, { keep: 2, attempt: 2, sound })).toEqual(['900/1']);
  });

  test('is empty when a newer attempt has stored one: this one is fenced', () => {
    const entries = [entry(600, 3), entry(300, 2), entry(100, 1)];
    expect(surplusOf(entries, { keep: 1, attempt: 2, sound: [{ step: 300, attempt: 2 }] })).toEqual([]);
  });

  test('is empty while no checkpoint is known to be sound, or the known ones are gone', () => {
    const entries = [entry(600, 1), entry(300, 1)];
    expect(surplusOf(entries, { keep: 1, attempt: 2, sound: [] })).toEqual([]);
    expect(surplusOf(entries, { keep: 1, attempt: 2, sound: [{ step: 700, attempt: 2 }] })).toEqual([]);
  });

  test('includes, of one step by two attempts, the one that is not known to be sound, even the newer one', () => {
    const sound = [{ step: 300, attempt: 1 }];
    expect(surplusOf([entry(300, 2), entry(300, 1)], { keep: 2, attempt: 2, sound })).toEqual(['300/2']);
  });

  test('keeps a sound one, at most `keep` steps, and all of newer attempts, in any case', () => {
    const keys = fc.record({ step: fc.nat({ max: 8 }), attempt: fc.integer({ min: 1, max: 4 }) });
    const sets = fc.uniqueArray(keys, { selector: ({ step, attempt }) => step * 10 + attempt, maxLength: 12 });
    fc.assert(
      fc.property(
        sets,
        sets,
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 4 }),
        (all, known, keep, attempt) => {
          const entries = all.map(({ step, attempt: writer }) => entry(step, writer));
          const sound = known.filter((key) => key.attempt <= attempt);
          const gone = surplus(entries, { keep, attempt, sound });
          const kept = entries.filter((each) => !gone.includes(each));
          const isSound = ({ step, attempt: writer }: CheckpointEntry): boolean =>
            sound.some((key) => key.step === step && key.attempt === writer);
          const newest = entries.filter(isSound).sort(newestFirst)[0];
          if (newest !== undefined) expect(kept).toContain(newest);
          if (gone.length > 0) {
            expect(newest).toBeDefined();
            expect(kept.length).toBeLessThanOrEqual(keep);
          }
          expect(gone.some((each) => each.attempt > attempt)).toBe(false);
        },
      ),
    );
  });
});

describe('the newest sound checkpoint', () => {
  const decode = (bytes: Uint8Array): Checkpoint => decodeCheckpoint(bytes, 'job-1');
  const at = (step: number): Uint8Array => encodeCheckpoint({ ...small, step });

  test('of an empty store does not exist', async () => {
    expect(await loadNewest(memoryStore(), decode)).toEqual({ newest: null, skipped: [] });
  });

  test('is the newest', async () => {
    const store = memoryStore();
    for (const step of [200, 600, 400]) await store.put(step, 1, at(step), unbroken);
    const { newest, skipped } = await loadNewest(store, decode);
    expect(newest?.checkpoint.step).toBe(600);
    expect(newest?.entry).toMatchObject({ step: 600, attempt: 1 });
    expect(skipped).toEqual([]);
  });

  test.each<[string, (sound: Uint8Array) => Uint8Array, string]>([
    ['was cut', (sound) => sound.subarray(0, 100), 'truncated'],
    ['has a flipped bit', (sound) => sound.with(200, sound[200]! ^ 4), 'damaged'],
    ['is empty', () => new Uint8Array(0), 'foreign'],
  ])('is the one before when the newest %s, and the newest is reported', async (_, damage, reason) => {
    const store = await openFileStore(folder);
    await store.put(200, 1, at(200), unbroken);
    await store.put(400, 1, at(400), unbroken);
    await store.put(600, 2, damage(at(600)), unbroken);
    const { newest, skipped } = await loadNewest(store, decode);
    expect(newest?.checkpoint.step).toBe(400);
    expect(skipped).toMatchObject([{ entry: { step: 600, attempt: 2 }, error: { reason } }]);
  });

  test('does not exist when all are damaged; all are reported', async () => {
    const store = memoryStore();
    for (const step of [200, 400]) await store.put(step, 1, at(step).fill(7, 50, 60), unbroken);
    const { newest, skipped } = await loadNewest(store, decode);
    expect(newest).toBeNull();
    expect(skipped.map(({ entry }) => entry.step)).toEqual([400, 200]);
  });

  test('is the one before when the newest is gone or cannot be read', async () => {
    for (const code of ['ENOENT', 'EIO']) {
      const read = (path: string): Promise<Uint8Array> =>
        path.includes('400') ? Promise.reject(failure(code)) : readFile(path);
      const store = await openFileStore(folder, fileCalls({ readFile: read }));
      for (const step of [200, 400]) await store.put(step, 1, at(step), unbroken);
      expect((await loadNewest(store, decode)).newest?.checkpoint.step).toBe(200);
    }
  });

  test('is not searched beyond a fault that needs a person: another job, another version, no permission', async () => {
    const store = memoryStore();
    await store.put(200, 1, at(200), unbroken);
    await store.put(400, 1, encodeCheckpoint({ ...small, jobUid: 'job-2' }), unbroken);
    await expect(loadNewest(store, decode)).rejects.toMatchObject({ reason: 'otherJob' });
    await store.put(400, 1, at(400).with(8, 9), unbroken);
    await expect(loadNewest(store, decode)).rejects.toMatchObject({ reason: 'version' });
    await expect(loadNewest(store, decode)).rejects.toThrow(CheckpointError);
    const closed = await openFileStore(folder, fileCalls({ readFile: () => Promise.reject(failure('EACCES')) }));
    await closed.put(400, 1, at(400), unbroken);
    expect((await storeErrorOf(loadNewest(closed, decode))).reason).toBe('forbidden');
  });

  test('never hides an internal error', async () => {
    const store = memoryStore();
    await store.put(200, 1, at(200), unbroken);
    const broken = (): never => {
      throw new TypeError('a bug');
    };
    await expect(loadNewest(store, broken)).rejects.toThrow(TypeError);
  });
});
