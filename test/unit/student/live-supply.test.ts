/** The single decisions of the live supply: when it feeds, what a wrong frame costs, what ends the wait. */
import { maxFrameRetries } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { WorkerError } from '../../../workers/base/exit.js';
import { LiveSupply, type LiveSupplyOptions, type WindowMeasures } from '../../../workers/student/live-supply.js';
import {
  type Answer,
  answerFrame,
  answersFor,
  FakeClock,
  fakeColumns,
  fakeWidth,
  fakeDigest,
  FakeLog,
  FakeStreams,
  manifestWith,
  scheduleFor,
} from '../../kit/worker-fakes.js';

/** 40 samples in batches of 4: 10 steps. */
const schedule = scheduleFor(manifestWith({ batchSize: 4, epochs: 1 }), 40);

interface World {
  readonly clock: FakeClock;
  readonly streams: FakeStreams;
  readonly log: FakeLog;
  readonly supply: LiveSupply;
}

function world(
  answer: (item: { readonly step: number; readonly shard: number }) => Answer | null,
  { window = 3, ...changes }: Partial<LiveSupplyOptions> & { readonly window?: number } = {},
): World {
  const clock = new FakeClock();
  const streams = new FakeStreams(clock, answer);
  const log = new FakeLog();
  const supply = new LiveSupply({
    stream: streams,
    schedule,
    shards: 1,
    columns: fakeColumns,
    width: fakeWidth,
    firstStep: 0,
    fedBefore: 0,
    stepBytes: 1,
    windowFor: () => window,
    onFailure: 'Fail',
    hasLabels: true,
    teacherDigest: null,
    clock,
    log,
    ...changes,
  });
  return { clock, streams, log, supply };
}

/** Keeps what each window was computed from; the first one is computed before the start. */
function measuringInto(measured: WindowMeasures[], window = 3): Pick<LiveSupplyOptions, 'windowFor'> {
  return {
    windowFor: (measures) => {
      measured.push(measures);
      return window;
    },
  };
}

function itemOf(step: number) {
  return { step, shard: 0, firstRow: 0, indices: [...schedule.indices(step)], augmentSeed: schedule.augmentSeed(step) };
}

const fedSteps = ({ streams }: World): number[] => streams.fed.map(({ step }) => step).toSorted((a, b) => a - b);

describe('feeding', () => {
  test('stays a window ahead and moves on with every step taken, without waiting for a stall', async () => {
    const here = world(() => ({ afterMs: 5 }));
    const { clock, supply } = here;
    supply.start();
    await clock.pass(1);
    expect(fedSteps(here)).toEqual([0, 1, 2]);
    const startedAtMs = clock.now();
    for (let step = 0; step < schedule.steps; step++) {
      expect(await clock.run(supply.take(step))).toMatchObject({ logits: answersFor(schedule.indices(step)) });
      await clock.pass(0);
      expect(fedSteps(here)).toEqual(Array.from({ length: Math.min(schedule.steps, step + 4) }, (_, fed) => fed));
    }
    expect(clock.now() - startedAtMs).toBeLessThan(10 * 5 + 1);
  });

  test('never stalls with a window of one', async () => {
    const { clock, supply } = world(() => ({ afterMs: 5 }), { window: 1 });
    supply.start();
    const startedAtMs = clock.now();
    for (let step = 0; step < schedule.steps; step++) await clock.run(supply.take(step));
    expect(clock.now() - startedAtMs).toBe(10 * 5);
  });

  test('loses no wake-up when the window moves while feeding ends', async () => {
    for (let ticks = 0; ticks < 40; ticks++) {
      const { clock, streams, supply } = world(() => null, { window: 1 });
      streams.onFeed = (item) => {
        void (async () => {
          for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
          streams.store(item, answerFrame(item));
        })();
      };
      supply.start();
      const startedAtMs = clock.now();
      const takeAll = async (): Promise<void> => {
        for (let step = 0; step < schedule.steps; step++) await supply.take(step);
      };
      await clock.run(takeAll());
      expect({ ticks, ms: clock.now() - startedAtMs }).toEqual({ ticks, ms: 0 });
    }
  });

  test('counts a step as fed only when its item is stored', async () => {
    const { clock, streams, supply } = world(() => null);
    const answered = Promise.withResolvers<undefined>();
    streams.away = answered.promise.then(() => undefined);
    supply.start();
    await clock.pass(100);
    expect(supply.state.fedSteps).toBe(0);
    answered.resolve(undefined);
    await clock.pass(1);
    expect(supply.state.fedSteps).toBe(3);
  });

  test('follows a window that grows and keeps what is fed when it shrinks', async () => {
    let window = 3;
    const here = world(() => ({ afterMs: 5 }), { windowFor: () => window });
    const { clock, supply } = here;
    supply.start();
    await clock.run(supply.take(0));
    window = 6;
    supply.setPace(1);
    await clock.pass(10);
    window = 2;
    supply.setPace(1);
    expect(supply.state.buffer.frames).toBe(6);
    for (let step = 1; step < 5; step++) await clock.run(supply.take(step));
    await clock.pass(0);
    expect(fedSteps(here)).toEqual([0, 1, 2, 3, 4, 5, 6]);
    await clock.run(supply.take(5));
    await clock.pass(0);
    expect(fedSteps(here)).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test('measures the answer time from items of running teachers, without their start', async () => {
    let startMs = 60_000;
    const measured: WindowMeasures[] = [];
    const { clock, supply } = world(() => ({ afterMs: 5 + startMs }), measuringInto(measured));
    supply.start();
    await clock.run(supply.take(0));
    supply.setPace(1);
    expect(measured.at(-1)).toMatchObject({ unstarvedStepsPerSecond: 1, answerSeconds: 0 });
    startMs = 0;
    for (let step = 1; step < schedule.steps; step++) await clock.run(supply.take(step));
    supply.setPace(2);
    expect(measured.at(-1)).toMatchObject({ unstarvedStepsPerSecond: 2, answerSeconds: 0.005 });
  });

  test('measures no answer time of items that an earlier attempt left in the queue', async () => {
    const measured: WindowMeasures[] = [];
    const here = world(() => ({ afterMs: 5 }), { firstStep: 2, ...measuringInto(measured, 1) });
    const { clock, streams, supply } = here;
    // A teacher is about to answer these when they are fed again.
    for (const step of [3, 4, 5, 6, 7, 8, 9]) streams.work.set(`0.${step}`, itemOf(step));
    streams.onFeed = (item) => void clock.sleep(1).then(() => streams.store(item, answerFrame(item)));
    supply.start();
    for (let step = 2; step < schedule.steps; step++) await clock.run(supply.take(step));
    supply.setPace(1);
    expect(measured.at(-1)?.answerSeconds).toBe(0);
  });

  test('feeds only the shards that have rows of a batch with fewer rows than shards', async () => {
    const short = scheduleFor(manifestWith({ batchSize: 5, epochs: 1 }), 7);
    const { clock, streams, supply } = world(() => ({ afterMs: 5 }), { schedule: short, shards: 4 });
    supply.start();
    for (const step of [0, 1]) {
      expect(await clock.run(supply.take(step))).toMatchObject({ logits: answersFor(short.indices(step)) });
    }
    expect(streams.fed.filter(({ step }) => step === 1).map(({ shard }) => shard)).toEqual([1, 3]);
    expect(streams.work.size).toBe(0);
  });
});

describe('frames of an earlier attempt', () => {
  test('are used without feeding their steps and without a stall', async () => {
    const { clock, streams, supply } = world(() => null, { firstStep: 2, fedBefore: schedule.steps });
    for (let step = 0; step < schedule.steps; step++) streams.store(itemOf(step), answerFrame(itemOf(step)), false);
    supply.start();
    const startedAtMs = clock.now();
    for (let step = 2; step < schedule.steps; step++) {
      expect(await clock.run(supply.take(step))).toMatchObject({ logits: answersFor(schedule.indices(step)) });
    }
    expect(streams.fed).toEqual([]);
    expect(clock.now()).toBe(startedAtMs);
    expect(supply.state.fedSteps).toBe(schedule.steps);
  });

  test('that are delivered before their turn are remembered', async () => {
    const here = world(() => null);
    const { clock, streams, supply } = here;
    supply.start();
    await clock.pass(0);
    for (let step = 0; step < schedule.steps; step++) streams.store(itemOf(step), answerFrame(itemOf(step)));
    await clock.pass(0);
    const startedAtMs = clock.now();
    for (let step = 0; step < schedule.steps; step++) await clock.run(supply.take(step));
    expect(fedSteps(here)).toEqual([0, 1, 2]);
    expect(clock.now()).toBe(startedAtMs);
  });

  test('that were never delivered cost one stall for the whole window', async () => {
    const { clock, streams, supply } = world(() => null, { window: 8 });
    supply.start();
    await clock.pass(0);
    for (let step = 0; step < 8; step++) streams.store(itemOf(step), answerFrame(itemOf(step)), false);
    const startedAtMs = clock.now();
    for (let step = 0; step < 8; step++) await clock.run(supply.take(step));
    expect(clock.now() - startedAtMs).toBe(1_000);
  });
});

describe('after a reconnect', () => {
  test('a lost window is fed again at once, before the student starves', async () => {
    const here = world(() => ({ afterMs: 400 }));
    const { clock, streams, supply } = here;
    supply.start();
    await clock.pass(10);
    streams.wipe();
    streams.reconnect();
    await clock.pass(1);
    expect(fedSteps(here)).toEqual([0, 0, 1, 1, 2, 2]);
  });

  test('sequences of the old stream are forgotten: they trim nothing of the new one', async () => {
    const { clock, streams, supply } = world(() => ({ afterMs: 5 }));
    for (let step = 5; step < 10; step++) streams.store(itemOf(step), answerFrame(itemOf(step)), false);
    supply.start();
    await clock.pass(10);
    expect(supply.state.firstNeededSequence).toBe(6);
    streams.wipe();
    streams.reconnect();
    expect(supply.state.firstNeededSequence).toBe(1);
    for (let step = 0; step < 4; step++) await clock.run(supply.take(step));
    await clock.pass(20);
    expect(supply.state.firstNeededSequence).toBe(streams.logits.get('0.4')?.sequence);
  });

  test('the same holds when the stream is created again without a reconnect', async () => {
    const { clock, streams, supply } = world(() => ({ afterMs: 5 }));
    for (let step = 5; step < 10; step++) streams.store(itemOf(step), answerFrame(itemOf(step)), false);
    supply.start();
    await clock.pass(10);
    for (let step = 0; step < 3; step++) await clock.run(supply.take(step));
    streams.wipe();
    for (let step = 3; step < schedule.steps; step++) await clock.run(supply.take(step));
    expect(supply.state.firstNeededSequence).toBe(
      1 + Math.max(...[...streams.logits.values()].map((frame) => frame.sequence)),
    );
  });
});

describe('a wrong frame', () => {
  const kinds: readonly (readonly [string, string, (step: number) => Uint8Array])[] = [
    ['damaged', 'CRC-32C', (step) => answerFrame(itemOf(step)).with(70, 255)],
    ['of another step', 'step: found 9, expected 1', () => answerFrame({ ...itemOf(9) })],
    ['of another shard', 'shard: found 4, expected 0', (step) => answerFrame({ ...itemOf(step), shard: 4 })],
    [
      'of another augmentation',
      'augmentation seed: found 5',
      (step) => answerFrame({ ...itemOf(step), augmentSeed: 5 }),
    ],
    ['of fewer rows', 'rows: found 1, expected 4', (step) => answerFrame({ ...itemOf(step), indices: [1] })],
    [
      'of another teacher',
      `teacher digest: found ${'b'.repeat(16)}, expected ${fakeDigest}`,
      (step) => answerFrame(itemOf(step), { digest: 'b'.repeat(16) }),
    ],
    ['no frame', 'found first bytes', () => new TextEncoder().encode('hello')],
  ];

  test.each(kinds)('(%s) is reported to the operator and its step is fed again', async (_kind, reason, frame) => {
    const { clock, streams, log, supply } = world(({ step }) => (step === 1 ? null : { afterMs: 5 }));
    supply.start();
    await clock.run(supply.take(0));
    streams.work.delete('0.1');
    const stored = streams.store({ step: 1, shard: 0 }, frame(1));
    await clock.pass(0);
    expect(supply.state.damaged).toEqual([
      { sequence: stored?.sequence, shard: 0, step: 1, reason: expect.stringContaining(reason) },
    ]);
    expect(log.warnings).toEqual([expect.stringContaining(reason)]);
    const taken = supply.take(1);
    await clock.pass(3_000);
    // It is found several times and counted once.
    expect(log.warnings).toHaveLength(1);
    streams.operate(supply.state.damaged, 0);
    await clock.pass(1_100);
    expect(supply.state.damaged).toEqual([]);
    expect(streams.fed.filter(({ step }) => step === 1)).toHaveLength(2);
    streams.work.delete('0.1');
    streams.store({ step: 1, shard: 0 }, answerFrame(itemOf(1)));
    expect(await clock.run(taken)).toMatchObject({ logits: answersFor(schedule.indices(1)) });
  });

  test('does not decide which teacher is right', async () => {
    const { clock, streams, supply } = world(() => null);
    supply.start();
    await clock.pass(0);
    streams.store({ step: 0, shard: 0 }, answerFrame({ ...itemOf(0), augmentSeed: 1 }, { digest: 'b'.repeat(16) }));
    streams.store({ step: 1, shard: 0 }, answerFrame(itemOf(1)));
    await clock.pass(0);
    expect(supply.state.buffer.frames).toBe(1);
    expect(supply.state.damaged.map(({ step }) => step)).toEqual([0]);
  });

  test('that comes too often ends the job; the message names step and reason', async () => {
    const { clock, streams, supply } = world(({ step }) => ({ afterMs: 5, fault: step === 1 ? 'damaged' : 'none' }));
    supply.start();
    await clock.run(supply.take(0));
    const taken = supply.take(1).catch((error: unknown) => error);
    const operator = new AbortController();
    void (async () => {
      while (!operator.signal.aborted) {
        streams.operate(supply.state.damaged, 0);
        await clock.sleep(200);
      }
    })();
    const error = await clock.run(taken);
    operator.abort();
    expect(error).toBeInstanceOf(WorkerError);
    expect(error).toMatchObject({
      reason: 'terminal',
      message: expect.stringMatching(/^step 1: 6 frames with its logits were wrong; the last one: .*CRC-32C/),
    });
    expect(streams.fed.filter(({ step }) => step === 1)).toHaveLength(1 + maxFrameRetries);
  });

  test('of another width ends the job at once', async () => {
    const { clock, streams, supply } = world(() => null);
    supply.start();
    await clock.pass(0);
    streams.store({ step: 0, shard: 0 }, answerFrame(itemOf(0), { columns: 7 }));
    await expect(clock.run(supply.take(0))).rejects.toMatchObject({
      reason: 'terminal',
      message: expect.stringContaining('found 7 logits a sample of the teacher, expected 3'),
    });
  });

  test.each([
    ['Fail', true, 'Set spec.teacher.onFailure to Skip to train such steps on labels alone'],
    ['Fail', false, 'Correct what the error names; without labels no step can be skipped'],
    ['Skip', false, 'Correct what the error names; without labels no step can be skipped'],
  ] as const)('that no teacher computes ends a job of %s, with labels %s', async (onFailure, hasLabels, remedy) => {
    const { clock, supply } = world(() => ({ afterMs: 5, fault: 'deadLetter' }), { onFailure, hasLabels });
    supply.start();
    await expect(clock.run(supply.take(0))).rejects.toMatchObject({
      reason: 'terminal',
      message: expect.stringContaining(remedy),
    });
  });

  test('on a subject that is not a place of the job is ignored', async () => {
    const { clock, streams, log, supply } = world(() => ({ afterMs: 5 }));
    supply.start();
    await clock.pass(0);
    for (const place of [
      { step: NaN, shard: 0 },
      { step: 1, shard: 3 },
      { step: 1e9, shard: 0 },
      { step: -1, shard: 0 },
    ]) {
      streams.store(place, new Uint8Array(3));
    }
    for (let step = 0; step < schedule.steps; step++) await clock.run(supply.take(step));
    expect(log.warnings).toEqual([]);
  });
});

describe('the wait for a step', () => {
  test('ends at once when the supply is stopped, also while the server is away', async () => {
    const { clock, streams, supply } = world(() => null);
    streams.away = new Promise(() => undefined);
    supply.start();
    const taken = supply.take(0);
    await clock.pass(5_000);
    const stoppedAtMs = clock.now();
    supply.stop();
    expect(await clock.run(taken)).toBe('stopped');
    expect(clock.now()).toBe(stoppedAtMs);
  });

  test.each(['feed', 'probe', 'frames'] as const)(
    'ends with the error of the stream when %s fails permanently',
    async (call) => {
      const clock = new FakeClock();
      const honest = new FakeStreams(clock, () => null);
      const broken = new Proxy(honest, {
        get: (target, name) => {
          if (name === call) {
            if (call === 'frames')
              throw new WorkerError('unreachable', { about: 'NATS', problem: 'closed', remedy: '' });
            return () =>
              Promise.reject(new WorkerError('unreachable', { about: 'NATS', problem: 'closed', remedy: '' }));
          }
          const member: unknown = Reflect.get(target, name, target);
          return typeof member === 'function' ? (member.bind(target) as unknown) : member;
        },
      });
      const { supply } = world(() => null, { stream: broken, clock });
      supply.start();
      await expect(clock.run(supply.take(0))).rejects.toMatchObject({ reason: 'unreachable' });
    },
  );
});
