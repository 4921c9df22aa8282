/** The teacher against a fake queue: how many items it holds, when it acknowledges, what it does with failed items. */
import {
  decodeFrame,
  type DeadItem,
  maxDeliveries,
  maxUnansweredDeliveries,
  teacherPrefetch,
  WorkItemError,
} from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { BadSampleError } from '../../../workers/data/index.js';
import type { Samples, Split } from '../../../workers/samples/index.js';
import { endingOf } from '../../../workers/process/index.js';
import { FrameConflict, type WorkDelivery } from '../../../workers/stream/index.js';
import { WorkerError } from '../../../workers/base/exit.js';
import { Meter } from '../../../workers/base/meter.js';
import { Teacher, type TeacherInference } from '../../../workers/teacher/teacher.js';
import {
  answersFor,
  FakeClock,
  fakeColumns,
  fakeDigest,
  FakeLog,
  fakeSplit,
  manifestWith,
} from '../../kit/worker-fakes.js';
import { pixelsOf } from '../../kit/samples.js';
import { FakeTracer } from '../../kit/tracer.js';

const inferMs = 50;

/** A queue of items, and everything that a teacher did, in order. */
class World {
  readonly clock = new FakeClock();
  readonly log = new FakeLog();
  readonly meter = new Meter();
  readonly acts: string[] = [];
  readonly frames = new Map<number, Uint8Array>();
  readonly dead: DeadItem[] = [];
  readonly headers = new Map<number, string | undefined>();
  readonly stop = new AbortController();
  held = 0;
  mostHeld = 0;
  publish: (step: number) => Promise<'stored' | 'duplicate'> = () => Promise.resolve('stored');
  publishDeadLetter: () => Promise<void> = () => Promise.resolve();
  infer: (rows: number) => Promise<void> = () => this.clock.sleep(inferMs);
  readonly #queue: WorkDelivery[] = [];
  #wake = Promise.withResolvers<undefined>();

  put(step: number, deliveries = 1, item?: WorkDelivery['item'], traceparent?: string): void {
    const settle = (how: string): void => {
      this.held -= 1;
      this.acts.push(`${how} ${String(step)}`);
    };
    this.#queue.push({
      item: item ?? { version: 1, step, shard: 0, firstRow: 0, indices: [step, step + 1], augmentSeed: 9 },
      deliveries,
      shard: 0,
      step,
      traceparent,
      done: () => {
        settle('done');
        return Promise.resolve();
      },
      giveBack: (delayMs) => settle(`give back after ${String(delayMs)} ms`),
    });
    this.#wake.resolve(undefined);
  }

  async *#deliveries(signal: AbortSignal): AsyncGenerator<WorkDelivery> {
    signal.addEventListener('abort', () => this.#wake.resolve(undefined), { once: true });
    while (!signal.aborted) {
      const delivery = this.#queue.shift();
      if (delivery === undefined) {
        await this.#wake.promise;
        this.#wake = Promise.withResolvers();
      } else {
        this.held += 1;
        this.mostHeld = Math.max(this.mostHeld, this.held);
        yield delivery;
      }
    }
  }

  teacher(
    inference: Partial<TeacherInference> = {},
    splits: { readonly split?: Split; readonly heldOut?: Split | null; readonly tracer?: FakeTracer } = {},
  ): Teacher {
    let free = Promise.resolve();
    return new Teacher({
      name: 'teacher-1',
      manifest: manifestWith(),
      split: fakeSplit(100),
      heldOut: fakeSplit(100),
      ...splits,
      meter: this.meter,
      clock: this.clock,
      log: this.log,
      inference: {
        columns: fakeColumns,
        digestHex: fakeDigest,
        // The samples hold their indices, see fakeSplit.
        infer: async (samples) => {
          const rows = samples.count;
          const busy = free.then(() => this.infer(rows));
          free = busy.catch(() => undefined);
          await busy;
          const indices = Array.from({ length: rows }, (_, row) => Math.round(pixelsOf(samples)[2 * row]! * 1_024));
          return { logits: answersFor(indices), busyMs: inferMs, idleMs: 0 };
        },
        ...inference,
      },
      stream: {
        deliveries: (signal) => this.#deliveries(signal),
        publish: async (_shard, step, frame, traceparent) => {
          this.headers.set(step, traceparent);
          const outcome = await this.publish(step);
          this.frames.set(step, frame);
          this.acts.push(`store ${String(step)}`);
          return outcome;
        },
        publishDeadLetter: async (item) => {
          await this.publishDeadLetter();
          this.dead.push(item);
          this.acts.push(`dead letter ${String(item.step)}`);
        },
      },
    });
  }

  /** Works everything off, then stops. */
  async work(teacher: Teacher): Promise<void> {
    const running = teacher.run(this.stop.signal);
    const settled = running.then(
      () => true,
      () => true,
    );
    const idleFor = async (): Promise<boolean> => {
      await this.clock.sleep(10_000);
      return false;
    };
    await this.clock.run(Promise.race([settled, idleFor()]));
    this.stop.abort();
    await this.clock.run(running);
  }
}

describe('a teacher', () => {
  test('answers every item with the logits of its samples, and acknowledges it once they are stored', async () => {
    const world = new World();
    const teacher = world.teacher();
    for (const step of [3, 4, 5]) world.put(step);
    await world.work(teacher);
    for (const step of [3, 4, 5]) {
      const { header, logits } = decodeFrame(world.frames.get(step)!);
      expect(header).toMatchObject({ step, shard: 0, rows: 2, augmentSeed: 9, teacherDigest: fakeDigest });
      expect(logits).toEqual(answersFor([step, step + 1]));
      expect(world.acts.indexOf(`store ${String(step)}`)).toBeLessThan(world.acts.indexOf(`done ${String(step)}`));
    }
    expect(teacher.counts).toEqual({ items: 3, duplicates: 0, failures: 0 });
  });

  test('answers held-out samples from their split, as they are', async () => {
    const world = new World();
    const item = {
      version: 1 as const,
      step: 7,
      shard: 0,
      firstRow: 0,
      indices: [5, 6],
      augmentSeed: 0,
      split: 'test' as const,
    };
    world.put(7, 1, item);
    await world.work(world.teacher({}, { heldOut: fakeSplit(10), split: fakeSplit(2) }));
    expect(decodeFrame(world.frames.get(7)!).logits).toEqual(answersFor([5, 6]));
  });

  test('without a held-out split makes such an item a dead letter', async () => {
    const world = new World();
    const item = {
      version: 1 as const,
      step: 7,
      shard: 0,
      firstRow: 0,
      indices: [5],
      augmentSeed: 0,
      split: 'test' as const,
    };
    world.put(7, 5, item);
    await world.work(world.teacher({}, { heldOut: null }));
    expect(world.dead).toMatchObject([{ step: 7, error: expect.stringContaining('held-out split') }]);
  });

  test('holds just enough items to overlap loading, inference and publishing', async () => {
    const world = new World();
    world.publish = async () => {
      await world.clock.sleep(inferMs);
      return 'stored';
    };
    for (let step = 0; step < 10; step++) world.put(step);
    const startedAtMs = world.clock.now();
    const doneAtMs: number[] = [];
    const running = world.teacher().run(world.stop.signal);
    await world.clock.run(
      (async () => {
        while (doneAtMs.length < 10) {
          if (world.acts.filter((act) => act.startsWith('done')).length > doneAtMs.length)
            doneAtMs.push(world.clock.now());
          else await world.clock.sleep(1);
        }
      })(),
    );
    world.stop.abort();
    await world.clock.run(running);
    expect(world.mostHeld).toBe(teacherPrefetch);
    // One after the other it would take 10 × (infer + publish).
    expect(doneAtMs.at(-1)! - startedAtMs).toBeLessThan(10 * inferMs + 3 * inferMs);
  });

  test('counts an answer that is stored already, and acknowledges the item', async () => {
    const world = new World();
    const teacher = world.teacher();
    world.publish = () => Promise.resolve('duplicate');
    world.put(1);
    await world.work(teacher);
    expect(world.acts).toEqual(['store 1', 'done 1']);
    expect(teacher.counts).toEqual({ items: 1, duplicates: 1, failures: 0 });
  });

  test('reports its rate without waiting', async () => {
    const world = new World();
    world.put(1);
    world.put(2);
    await world.work(world.teacher());
    expect(world.meter.rates(world.clock.now() - 10_000).capableSamplesPerSecond).toBe(4 / (2 * (inferMs / 1_000)));
  });
});

describe('an item that fails', () => {
  const faults: readonly (readonly [string, (world: World) => Partial<TeacherInference> | undefined, RegExp])[] = [
    ['because the model answers NaN', () => ({ infer: nanLogits }), /found NaN/],
    [
      'because inference throws',
      (world) => {
        world.infer = () => Promise.reject(new Error('device lost'));
        return undefined;
      },
      /^device lost$/,
    ],
    [
      'because a frame of another model is stored',
      (world) => {
        world.publish = (step) => Promise.reject(new FrameConflict(step, 0, 'teacher digest', 'b', 'a'));
        return undefined;
      },
      /another teacher's frame is stored/,
    ],
  ];

  function nanLogits({ count }: Samples): ReturnType<TeacherInference['infer']> {
    return Promise.resolve({ logits: new Float32Array(count * fakeColumns).fill(NaN), busyMs: 1, idleMs: 0 });
  }

  test.each(faults)(
    '%s is given back with a growing delay, and is a dead letter at the limit',
    async (_what, prepare, error) => {
      for (let deliveries = 1; deliveries <= maxDeliveries; deliveries++) {
        const world = new World();
        const teacher = world.teacher(prepare(world));
        world.put(7, deliveries);
        await world.work(teacher);
        expect(teacher.counts).toEqual({ items: 0, duplicates: 0, failures: 1 });
        if (deliveries < maxDeliveries) {
          expect(world.acts).toEqual([`give back after ${String(250 * deliveries)} ms 7`]);
          expect(world.dead).toEqual([]);
        } else {
          expect(world.acts).toEqual(['dead letter 7', 'done 7']);
          expect(world.dead).toEqual([
            expect.objectContaining({ step: 7, teacher: 'teacher-1', deliveries, error: expect.stringMatching(error) }),
          ]);
        }
        expect(world.log.warnings).toEqual([expect.stringMatching(/^step 7, delivery \d: /)]);
      }
    },
  );

  test('beyond the limit is a dead letter without being computed: it may be what ends teachers', async () => {
    const world = new World();
    world.infer = () => Promise.reject(new Error('must not be called'));
    world.put(7, maxUnansweredDeliveries + 1);
    await world.work(world.teacher());
    expect(world.acts).toEqual(['dead letter 7', 'done 7']);
    expect(world.dead[0]?.error).toBe('every teacher that took it ended without an answer');
    expect(world.dead[0]?.item).toMatchObject({ step: 7 });
  });

  test.each([maxDeliveries + 1, maxUnansweredDeliveries])(
    'is computed at delivery %d: drains, kills and starved teachers count as deliveries, too',
    async (deliveries) => {
      const world = new World();
      world.put(7, deliveries);
      await world.work(world.teacher());
      expect(world.dead).toEqual([]);
      expect([...world.frames.keys()]).toEqual([7]);
    },
  );

  test('because it is not a work item is a dead letter at once, without an item', async () => {
    const world = new World();
    world.put(7, 1, new WorkItemError('indices', { problem: 'field indices: too small', remedy: '' }));
    await world.work(world.teacher());
    expect(world.acts).toEqual(['dead letter 7', 'done 7']);
    expect(world.dead).toEqual([expect.objectContaining({ error: 'work item: field indices: too small', item: null })]);
  });

  test('with a long error is a dead letter with as much of it as fits', async () => {
    const world = new World();
    world.infer = () => Promise.reject(new Error('x'.repeat(10_000)));
    world.put(7, maxDeliveries);
    await world.work(world.teacher());
    expect(world.dead[0]?.error).toHaveLength(2_000);
  });

  test('does not stop the teacher from computing the next one', async () => {
    const world = new World();
    let calls = 0;
    world.infer = () => (++calls === 1 ? Promise.reject(new Error('once')) : Promise.resolve());
    const teacher = world.teacher();
    for (const step of [1, 2, 3]) world.put(step);
    await world.work(teacher);
    expect([...world.frames.keys()]).toEqual([2, 3]);
    expect(teacher.counts).toEqual({ items: 2, duplicates: 0, failures: 1 });
  });
});

describe('a teacher whose stream fails', () => {
  test('ends with that error while it waits for the next item, without an unhandled rejection', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    const world = new World();
    const refused = { about: 'store the dead letter of step 7', problem: 'NATS refused', remedy: '' };
    world.publishDeadLetter = () => Promise.reject(new WorkerError('terminal', refused));
    world.put(7, maxUnansweredDeliveries + 1);
    await expect(world.clock.run(world.teacher().run(world.stop.signal))).rejects.toMatchObject({ reason: 'terminal' });
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    expect(world.acts).toEqual([]);
  });

  test('does not count a closed connection as a failure of the item', async () => {
    const world = new World();
    world.publish = () =>
      Promise.reject(new WorkerError('unreachable', { about: 'NATS', problem: 'closed', remedy: '' }));
    world.put(7, maxDeliveries);
    const teacher = world.teacher();
    await expect(world.work(teacher)).rejects.toMatchObject({ reason: 'unreachable' });
    expect(world.acts).toEqual(['give back after 0 ms 7']);
    expect(teacher.counts.failures).toBe(0);
  });
});

test('a teacher that meets a bad sample ends at once: every other one would meet it too', async () => {
  const world = new World();
  const bad = new BadSampleError({ about: 'dog/7.jpg', problem: 'the picture is damaged', remedy: 'remove it' });
  world.infer = () => Promise.reject(bad);
  world.put(3);
  const teacher = world.teacher();
  await expect(world.work(teacher)).rejects.toBe(bad);
  expect({ acts: world.acts, dead: world.dead, ending: endingOf(bad) }).toEqual({
    acts: ['give back after 0 ms 3'],
    dead: [],
    ending: 'terminal',
  });
});

describe('a teacher that is asked to stop', () => {
  test('finishes the items in work and takes no more', async () => {
    const world = new World();
    for (let step = 0; step < 5; step++) world.put(step);
    const running = world.teacher().run(world.stop.signal);
    await world.clock.pass(10);
    world.stop.abort();
    await world.clock.run(running);
    expect(world.acts).toEqual(['store 0', 'done 0', 'store 1', 'done 1']);
  });

  test('gives back what it still holds once when the time is over', async () => {
    const world = new World();
    world.infer = () => world.clock.sleep(60_000);
    const teacher = world.teacher();
    for (let step = 0; step < 5; step++) world.put(step);
    void teacher.run(world.stop.signal);
    await world.clock.pass(10);
    world.stop.abort();
    await world.clock.pass(1_750);
    teacher.giveBackHeld();
    teacher.giveBackHeld();
    expect(world.acts).toEqual(['give back after 0 ms 0', 'give back after 0 ms 1']);
  });
});

describe('a teacher that traces', () => {
  test('continues the trace of an item, and hands it on with the frame', async () => {
    const [world, tracer] = [new World(), new FakeTracer()];
    const feed = tracer.start('feed');
    world.put(1, 1, undefined, feed.traceparent);
    world.put(2);
    await world.work(world.teacher({}, { tracer }));
    const parts = ['read samples(teach)', 'infer(teach)', 'publish(teach)'];
    expect(tracer.seen).toEqual(['feed() open', 'teach(feed)', ...parts]);
    expect(world.headers.get(1)).toMatch(/^00-a{32}-0{15}5-01$/);
    expect(world.headers.get(2)).toBeUndefined();
  });

  test('says which delivery failed, and ignores an invalid header', async () => {
    const [world, tracer] = [new World(), new FakeTracer()];
    world.infer = () => Promise.reject(new Error('out of memory'));
    world.put(1, 1, undefined, tracer.start('feed').traceparent);
    world.put(2, 1, undefined, 'of another kind');
    await world.work(world.teacher({}, { tracer }));
    expect(tracer.seen.slice(0, 2)).toEqual(['feed() open', 'teach(feed) failed']);
    expect(tracer.spans.filter(({ name }) => name === 'teach')).toHaveLength(1);
  });
});
