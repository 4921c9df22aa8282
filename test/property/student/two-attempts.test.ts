/**
 * Several attempts of one student on one object store, the older ones stopped and continuing at any message, killed at any
 * message, answers lost and repeats late: what one of them reported as durable is always there for the next.
 */
import { createHash } from 'node:crypto';

import { type Random, randomFrom } from '@distillery/base';
import { objectDigest, objectPiecesSubject } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { loadNewest } from '../../../workers/checkpoint/index.js';
import { WorkerError } from '../../../workers/base/exit.js';
import { ObjectStore, ObjectWriter } from '../../../workers/stream/index.js';
import { Checkpointer } from '../../../workers/student/checkpointer.js';
import { objectCheckpoints, objectResults } from '../../../workers/student/stores.js';
import { ObjectServer, Travel } from '../../kit/object-server.js';
import { quietLog } from '../../kit/stream.js';

const bucket = 'B';
const pieceBytes = 4;

/** No wait takes time here: what is slow only arrives later. */
const timeless = {
  now: () => 0,
  sleep: (_ms: number, signal?: AbortSignal): Promise<void> =>
    new Promise((resolve) => {
      if (signal?.aborted === true) resolve();
      signal?.addEventListener('abort', () => resolve(), { once: true });
    }),
};

/** A few pieces whose content no other step and no other attempt has. */
function contentOf(step: number, attempt: number): Uint8Array {
  return new TextEncoder().encode(`step ${String(step)} of attempt ${String(attempt)}`);
}

/** Steps of all sound checkpoints on the server at this moment. */
function soundSteps(server: ObjectServer): number[] {
  const steps: number[] = [];
  for (let from = 1; ;) {
    const message = server.next(`$O.${bucket}.M.>`, from);
    if (message === null) return steps;
    from = message.seq + 1;
    const entry = JSON.parse(new TextDecoder().decode(message.data)) as {
      name: string;
      nuid: string;
      chunks: number;
      digest: string;
    };
    const hash = createHash('sha256');
    let at = 1;
    let pieces = 0;
    for (; pieces < entry.chunks; pieces++) {
      const piece = server.next(objectPiecesSubject(bucket, entry.nuid), at);
      if (piece === null) break;
      hash.update(piece.data);
      at = piece.seq + 1;
    }
    const step = /^checkpoint\/step-(\d+)-/.exec(entry.name)?.[1];
    const isSound = pieces === entry.chunks && objectDigest(hash.digest()) === entry.digest;
    if (isSound && step !== undefined) steps.push(Number(step));
  }
}

interface World {
  readonly server: ObjectServer;
  readonly travel: Travel;
  readonly random: Random;
  /** The fence. */
  claimed: number;
  /** Highest step that any attempt reported as durable. */
  durable: number;
  readonly failures: unknown[];
}

/** Whether an attempt ends without the optional file of a result. */
function leavesOut(attempt: number): boolean {
  return attempt % 2 === 0;
}

/** One student process from its start to its end, as workers/student/run.ts and student.ts go about it. */
async function attempt(
  world: World,
  owner: number,
  { checkpoints, keep }: { readonly checkpoints: number; readonly keep: number },
  alive: () => boolean,
): Promise<void> {
  const { server, travel } = world;
  const objects = new ObjectStore(travel.port(server, owner, alive), bucket);
  const store = objectCheckpoints(objects, { pieceBytes });
  await travel.message(owner);
  const mine = ++world.claimed;
  await travel.message(owner);
  const fence = async (): Promise<void> => {
    await travel.message(owner);
    if (!alive()) return new Promise<never>(() => undefined);
    const isBroken = world.claimed > mine;
    await travel.message(owner);
    if (isBroken) throw new WorkerError('fenced', { about: '', problem: `attempt ${String(mine)}`, remedy: '' });
  };
  await store.sweep(mine);
  const { newest } = await loadNewest(store, (bytes) => new TextDecoder().decode(bytes));
  const start = newest?.entry.step ?? 0;
  if (world.claimed === mine) expect(start).toBeGreaterThanOrEqual(world.durable);
  let failure: unknown = null;
  const checkpointer = new Checkpointer({
    store,
    keep,
    attempt: mine,
    loaded: newest?.entry ?? null,
    fence,
    onDurable: ({ step }) => (world.durable = Math.max(world.durable, step)),
    onFailure: (error) => (failure ??= error),
    stop: new AbortController().signal,
    clock: timeless,
    log: quietLog,
  });
  for (let step = start + 1; step <= start + checkpoints && failure === null; step++) {
    checkpointer.add({ step, bytes: contentOf(step, mine), firstNeededSequence: 0, copyMs: 0 });
    await checkpointer.settle();
  }
  if (failure === null) {
    const results = objectResults(objects, mine);
    for (const name of ['model.json', 'weights.bin']) {
      await results.put(name, contentOf(checkpoints, mine), fence).catch((error: unknown) => (failure ??= error));
    }
    // Some attempts find a reason to leave it out.
    const onnx = leavesOut(mine)
      ? results.remove('model.onnx', fence)
      : results.put('model.onnx', contentOf(checkpoints, mine), fence);
    await onnx.catch((error: unknown) => (failure ??= error));
  }
  if (failure !== null && !(failure instanceof WorkerError && failure.reason === 'fenced'))
    world.failures.push(failure);
}

describe('overlapping attempts of one student', () => {
  test('never lose what one of them reported as durable, and the last one succeeds', async () => {
    const runs = fc.record({
      seed: fc.nat(),
      keep: fc.integer({ min: 1, max: 2 }),
      checkpoints: fc.integer({ min: 1, max: 3 }),
      // When each begins, in arrivals of messages, and how many it lives; null = to its end.
      lives: fc.array(fc.tuple(fc.nat({ max: 60 }), fc.option(fc.nat({ max: 600 }), { nil: null })), {
        minLength: 1,
        maxLength: 3,
      }),
    });
    await fc.assert(
      fc.asyncProperty(runs, async ({ seed, keep, checkpoints, lives }) => {
        const random = randomFrom(seed);
        const server = new ObjectServer();
        const world: World = { server, travel: new Travel(random), random, claimed: 0, durable: 0, failures: [] };
        const lost: string[] = [];
        server.changed = () => {
          const newest = Math.max(0, ...soundSteps(server));
          if (newest < world.durable)
            lost.push(`step ${String(world.durable)} is gone, the newest is ${String(newest)}`);
        };
        for (const [owner, [bornAt, life]] of lives.entries()) {
          const alive = (): boolean => life === null || world.travel.arrivals - bornAt < life;
          const born = async (): Promise<void> => {
            while (world.travel.arrivals < bornAt) await world.travel.message(owner);
          };
          void born().then(() => attempt(world, owner, { checkpoints, keep }, alive));
        }
        await world.travel.run();
        expect(lost).toEqual([]);
        expect(world.failures).toEqual([]);

        // The last one has the store for itself, but for late repeats.
        await Promise.all([attempt(world, lives.length, { checkpoints, keep }, () => true), world.travel.run()]);
        expect(lost).toEqual([]);
        expect(world.failures).toEqual([]);
        expect(soundSteps(server)).toContain(world.durable);
        const entries = await new ObjectStore(server.port(), bucket).entries();
        const results = entries.filter(({ name }) => name.startsWith('result/'));
        expect(results.map(({ nuid }) => nuid.split('-')[0])).toEqual(results.map(() => String(world.claimed)));
        const names = results.map(({ name }) => name.slice('result/'.length)).sort();
        expect(names).toEqual(['model.json', ...(leavesOut(world.claimed) ? [] : ['model.onnx']), 'weights.bin']);
        await new ObjectWriter(new ObjectStore(server.port(), bucket), world.claimed + 1).sweep();
        const kept = new Set(entries.map(({ nuid }) => objectPiecesSubject(bucket, nuid)));
        expect(server.subjects(`$O.${bucket}.C.*`).filter((subject) => !kept.has(subject))).toEqual([]);
      }),
      { numRuns: 250 },
    );
  });
});
