/**
 * What an older attempt can still do after a newer one has claimed, message by message: each act of it is harmless. The
 * interleavings at random are in test/property/student/two-attempts.test.ts.
 */
import { describe, expect, test } from '@jest/globals';

import { type CheckpointStore, loadNewest, prune } from '../../../workers/checkpoint/index.js';
import { WorkerError } from '../../../workers/base/exit.js';
import { type ObjectPort, ObjectStore } from '../../../workers/stream/index.js';
import { Checkpointer } from '../../../workers/student/checkpointer.js';
import { objectCheckpoints, objectResults } from '../../../workers/student/stores.js';
import { ObjectServer } from '../../kit/object-server.js';
import { quietLog, systemClock } from '../../kit/stream.js';

const bucket = 'B';
const holds = (): Promise<void> => Promise.resolve();
const never = new Promise<never>(() => undefined);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Called before a call reaches the server, with how many of its kind there were; `never` kills the process there. */
type Before = (kind: keyof ObjectPort, earlier: number) => Promise<unknown> | undefined;

function objectsOn(server: ObjectServer, before: Before = () => undefined): ObjectStore {
  const port = server.port();
  const counts = new Map<keyof ObjectPort, number>();
  const at = async (kind: keyof ObjectPort): Promise<void> => {
    const earlier = counts.get(kind) ?? 0;
    counts.set(kind, earlier + 1);
    await before(kind, earlier);
  };
  return new ObjectStore(
    {
      write: (...args) => at('write').then(() => port.write(...args)),
      replace: (...args) => at('replace').then(() => port.replace(...args)),
      last: (...args) => at('last').then(() => port.last(...args)),
      next: (...args) => at('next').then(() => port.next(...args)),
      purge: (...args) => at('purge').then(() => port.purge(...args)),
      look: (...args) => at('look').then(() => port.look(...args)),
      sleep: () => Promise.resolve(),
    },
    bucket,
  );
}

function storeOn(server: ObjectServer, before?: Before): CheckpointStore {
  return objectCheckpoints(objectsOn(server, before), { pieceBytes: 4 });
}

async function foundBy(store: CheckpointStore): Promise<{ step: number | null; skipped: number[] }> {
  const { newest, skipped } = await loadNewest(store, (bytes) => new TextDecoder().decode(bytes));
  return { step: newest?.entry.step ?? null, skipped: skipped.map(({ entry }) => entry.step) };
}

describe('an older attempt that continues after a newer one has claimed the job', () => {
  test('sweeps no pieces that the newer one is about to name', async () => {
    const server = new ObjectServer();
    const older = storeOn(server);
    const newer = storeOn(server, (kind) => (kind === 'replace' ? older.sweep(1) : undefined));
    await newer.put(9, 2, bytesOf('nine, by the newer'), holds);
    expect(await foundBy(older)).toEqual({ step: 9, skipped: [] });
  });

  test('sweeps none of them either when it was paused in the middle of a sweep', async () => {
    const server = new ObjectServer();
    const goOn = Promise.withResolvers<undefined>();
    const reached = Promise.withResolvers<undefined>();
    const older = storeOn(server, (kind) => {
      if (kind !== 'purge') return undefined;
      reached.resolve(undefined);
      return goOn.promise;
    });
    // It looks while the newer one's pieces have no entry yet, and is stopped before it removes what it found.
    let swept: Promise<void> = Promise.resolve();
    const newer = storeOn(server, (kind) => {
      if (kind !== 'replace') return undefined;
      swept = older.sweep(1);
      return Promise.race([swept, reached.promise]);
    });
    await newer.put(9, 2, bytesOf('nine, by the newer'), holds);
    goOn.resolve(undefined);
    await swept;
    expect(await foundBy(newer)).toEqual({ step: 9, skipped: [] });
  });

  test('makes an entry without pieces visible: it is passed over, and the next prune removes it', async () => {
    const server = new ObjectServer();
    const newer = storeOn(server);
    await newer.put(3, 1, bytesOf('three, sound'), holds);
    // The fence was asked just before the claim. Then its pieces are swept; it dies before it reads its object back.
    const older = storeOn(server, (kind, earlier) => {
      if (kind === 'replace') return newer.sweep(2);
      return kind === 'last' && earlier > 0 ? never : undefined;
    });
    void older.put(8, 1, bytesOf('eight, of the older'), holds);
    await systemClock.sleep(20);
    expect(await foundBy(newer)).toEqual({ step: 3, skipped: [8] });

    await newer.put(4, 2, bytesOf('four, by the newer'), holds);
    await prune(newer, { keep: 1, attempt: 2, sound: [{ step: 4, attempt: 2 }] });
    expect(await foundBy(newer)).toEqual({ step: 4, skipped: [] });
    expect(await newer.list()).toHaveLength(1);
  });

  test('stores swept pieces again before it reports anything', async () => {
    const server = new ObjectServer();
    const newer = storeOn(server);
    const older = storeOn(server, (kind, earlier) =>
      kind === 'replace' && earlier === 0 ? newer.sweep(2) : undefined,
    );
    await older.put(8, 1, bytesOf('eight, of the older'), holds);
    expect(await foundBy(newer)).toEqual({ step: 8, skipped: [] });
  });

  test('reports nothing as durable and removes nothing when it is fenced between put and prune', async () => {
    const server = new ObjectServer();
    const store = storeOn(server);
    await store.put(3, 1, bytesOf('three, sound'), holds);
    let claimed = 1;
    const durable: number[] = [];
    const failures: unknown[] = [];
    const checkpointer = new Checkpointer({
      store: {
        ...store,
        put: async (...args) => {
          await store.put(...args);
          claimed = 2;
        },
      },
      keep: 1,
      attempt: 1,
      loaded: { step: 3, attempt: 1 },
      fence: () =>
        claimed > 1
          ? Promise.reject(new WorkerError('fenced', { about: '', problem: 'attempt 2 runs', remedy: '' }))
          : Promise.resolve(),
      onDurable: ({ step }) => durable.push(step),
      onFailure: (error) => failures.push(error),
      stop: new AbortController().signal,
      clock: systemClock,
      log: quietLog,
    });
    checkpointer.add({ step: 6, bytes: bytesOf('six'), firstNeededSequence: 0, copyMs: 0 });
    await checkpointer.settle();
    expect({ durable, failures }).toEqual({ durable: [], failures: [expect.objectContaining({ reason: 'fenced' })] });
    expect((await store.list()).map(({ step }) => step)).toEqual([6, 3]);
  });

  test('never replaces a result of the newer one, however late it continues', async () => {
    const server = new ObjectServer();
    const newer = objectResults(objectsOn(server), 2);
    let isClaimed = false;
    const fence = (): Promise<void> =>
      isClaimed
        ? Promise.reject(new WorkerError('fenced', { about: '', problem: 'attempt 2 runs', remedy: '' }))
        : Promise.resolve();
    // Paused after its fence check and before its entry is written.
    const older = objectResults(
      objectsOn(server, (kind) => {
        if (kind !== 'replace') return undefined;
        isClaimed = true;
        return newer.put('model.json', bytesOf('of the newer'), holds);
      }),
      1,
    );
    await expect(older.put('model.json', bytesOf('of the older'), fence)).rejects.toMatchObject({ reason: 'fenced' });
    expect(await objectsOn(server).get('result/model.json')).toEqual(bytesOf('of the newer'));
    expect(server.subjects(`$O.${bucket}.C.*`)).toHaveLength(1);
  });
});

describe('a store without room', () => {
  test('removes the pieces of a refused object, and reports why', async () => {
    const server = new ObjectServer();
    const store = storeOn(server);
    await store.put(3, 1, bytesOf('three'), holds);
    server.maxBytes = 500;
    await expect(store.put(6, 1, new Uint8Array(200), holds)).rejects.toMatchObject({ reason: 'full' });
    await expect(store.put(6, 1, new Uint8Array(300), holds)).rejects.toMatchObject({ reason: 'tooSmall' });
    expect(await foundBy(store)).toEqual({ step: 3, skipped: [] });
    expect(server.subjects(`$O.${bucket}.C.*`)).toHaveLength(1);
  });
});
