/** Small parts of the student: batches ahead, the window, retention, progress, the log of damaged frames. */
import {
  bytesPerRow,
  headerBytes,
  maxDamagedFrames,
  maxWindowSteps,
  trainingMetricsSchema,
} from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { batchOf } from '../../../workers/data/index.js';
import { BatchPreparer } from '../../../workers/student/batches.js';
import { DamageLog } from '../../../workers/student/frames.js';
import { maxEvaluations, maxSkippedSteps, Progress, ratesOf } from '../../../workers/student/progress.js';
import { labelsAlone, Retention } from '../../../workers/student/supply.js';
import { AnswerTime, stepBytesOf, windowSteps } from '../../../workers/student/window.js';
import { fakeSplit, idle, manifestWith, scheduleFor } from '../../kit/worker-fakes.js';

describe('the batch preparer', () => {
  const manifest = manifestWith({ batchSize: 4, epochs: 2, noise: 0.2 });
  const schedule = scheduleFor(manifest, 10);

  test('returns each batch as the teacher computes it, and reads each once, a few ahead', async () => {
    const reads: number[] = [];
    const split = fakeSplit(10, (indices) => {
      reads.push(indices.length);
      return Promise.resolve();
    });
    const { augment } = manifest.training;
    const batches = new BatchPreparer({ split, schedule, augment, view: (samples) => samples, ahead: 2 });
    for (let step = 0; step < schedule.steps; step++) {
      const indices = schedule.indices(step);
      const samples = await batchOf(fakeSplit(10), indices, augment, {
        seed: schedule.augmentSeed(step),
        firstSample: 0,
      });
      expect(await batches.take(step)).toEqual({ step, samples, targets: await split.targets(indices) });
      expect(reads.length).toBe(Math.min(schedule.steps, step + 3));
    }
  });

  test('reports a failed read to the caller that takes the step, and to no other', async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on('unhandledRejection', note);
    let reads = 0;
    const split = fakeSplit(10, () => (++reads === 3 ? Promise.reject(new Error('disk gone')) : Promise.resolve()));
    const batches = new BatchPreparer({
      split,
      schedule,
      augment: manifest.training.augment,
      view: (samples) => samples,
      ahead: 3,
    });
    await batches.take(0);
    await idle();
    await batches.take(1);
    await expect(batches.take(2)).rejects.toThrow('disk gone');
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
});

describe('the answer time', () => {
  /** Answers to items fed at these times, after a first one that shows that teachers run. */
  function after(...answers: { readonly fedAtMs: number; readonly answeredAtMs: number }[]): number {
    const time = new AnswerTime();
    time.fed(0, 0);
    time.answered(0, 40_000);
    for (const [index, { fedAtMs, answeredAtMs }] of answers.entries()) {
      time.fed(index + 1, fedAtMs);
      time.answered(index + 1, answeredAtMs);
    }
    return time.seconds;
  }

  test('is not measured from items fed before the first answer: teachers may have had to start', () => {
    expect(after()).toBe(0);
  });

  test('is the shortest measured: longer ones include a wait in the queue', () => {
    const [short, long] = [
      { fedAtMs: 50_000, answeredAtMs: 52_000 },
      { fedAtMs: 50_000, answeredAtMs: 59_000 },
    ];
    expect(after(long)).toBe(9);
    expect(after(long, short)).toBe(2);
    expect(after(short, long)).toBe(2);
  });

  test('starts when an item is fed for the first time; a forgotten item does not count', () => {
    const time = new AnswerTime();
    time.answered(0, 0);
    for (const atMs of [1_000, 3_000]) time.fed(1, atMs);
    time.fed(2, 3_500);
    time.forget(2);
    time.answered(1, 4_000);
    time.answered(2, 4_000);
    expect(time.seconds).toBe(3);
  });
});

describe('the window', () => {
  const plenty = { maxBytes: 2 ** 40, stepBytes: 1_000 };
  const small = { maxBytes: 100_000, stepBytes: 1_000 };
  interface Row {
    readonly what: string;
    readonly seconds: number;
    readonly rate: number;
    readonly answer?: number;
    readonly maxBytes: number;
    readonly stepBytes: number;
    readonly want: number;
  }
  test.each<Row>([
    { what: 'a first guess before a rate is known', seconds: 5, rate: 0, ...plenty, want: 16 },
    { what: 'the seconds asked for', seconds: 5, rate: 20, ...plenty, want: 100 },
    { what: 'a part of a step as a whole one', seconds: 5, rate: 20.1, ...plenty, want: 101 },
    { what: 'the time of four answers more', seconds: 5, rate: 2, answer: 6, ...plenty, want: 58 },
    { what: 'half of a small stream also with long answers', seconds: 5, rate: 2, answer: 60, ...small, want: 50 },
    { what: 'a few for a slow student', seconds: 5, rate: 0.01, ...plenty, want: 4 },
    { what: 'never more than the protocol allows', seconds: 60, rate: 1_000, ...plenty, want: maxWindowSteps },
    { what: 'half of a small stream', seconds: 5, rate: 20, ...small, want: 50 },
    {
      what: 'half of a small stream before a rate is known',
      seconds: 5,
      rate: 0,
      maxBytes: 20_000,
      stepBytes: 1_000,
      want: 10,
    },
    {
      what: 'one step even when that is more than half',
      seconds: 5,
      rate: 20,
      maxBytes: 1_500,
      stepBytes: 1_000,
      want: 1,
    },
  ])('is $what', ({ seconds, rate, answer = 0, maxBytes, stepBytes, want }) => {
    const input = {
      bufferTargetSeconds: seconds,
      unstarvedStepsPerSecond: rate,
      answerSeconds: answer,
      maxBytes,
      stepBytes,
    };
    expect(windowSteps(input)).toBe(want);
  });

  test('is at least one step, and a larger one stays below half of the stream', () => {
    fc.assert(
      fc.property(
        fc.record({
          bufferTargetSeconds: fc.double({ min: 0.001, max: 1e6, noNaN: true }),
          unstarvedStepsPerSecond: fc.double({ min: 0, max: 1e9, noNaN: true }),
          answerSeconds: fc.double({ min: 0, max: 1e6, noNaN: true }),
          stepBytes: fc.integer({ min: 1, max: 2 ** 30 }),
          maxBytes: fc.integer({ min: 2 ** 20, max: 2 ** 40 }),
        }),
        (input) => {
          const steps = windowSteps(input);
          expect(Number.isInteger(steps)).toBe(true);
          expect(steps).toBeGreaterThanOrEqual(1);
          expect(steps).toBeLessThanOrEqual(maxWindowSteps);
          if (steps > 1) expect(steps * input.stepBytes).toBeLessThanOrEqual(input.maxBytes / 2);
        },
      ),
    );
  });

  test('knows the size of a step before the first has arrived', () => {
    const manifest = manifestWith({ batchSize: 100 });
    const rowBytes = bytesPerRow(10, 'Float32', 0);
    const step = { manifest, columns: 10, shards: 3 };
    expect(stepBytesOf({ ...step, positions: 1 })).toBe(3 * headerBytes + 100 * rowBytes);
    expect(stepBytesOf({ ...step, positions: 7 })).toBe(3 * headerBytes + 700 * rowBytes);
  });
});

describe('retention', () => {
  test('keeps everything until there are as many checkpoints as are kept', () => {
    const retention = new Retention(4_000);
    expect(retention.firstNeededSequence(50, 2)).toBe(0);
    retention.trained(100);
    retention.checkpointed(10, 11, 2);
    expect(retention.firstNeededSequence(50, 2)).toBe(0);
    retention.checkpointed(20, 21, 2);
    expect(retention.firstNeededSequence(50, 2)).toBe(11);
    retention.checkpointed(30, 31, 2);
    expect(retention.firstNeededSequence(50, 2)).toBe(21);
  });

  test('drops frames that would fill more than a quarter of the stream', () => {
    const retention = new Retention(4_000);
    retention.trained(1_001);
    expect(retention.firstNeededSequence(40, 2)).toBe(40);
    retention.checkpointed(10, 41, 2);
    retention.trained(600);
    retention.checkpointed(20, 61, 2);
    expect(retention.firstNeededSequence(90, 2)).toBe(41);
    retention.trained(600);
    expect(retention.firstNeededSequence(90, 2)).toBe(61);
    retention.trained(600);
    expect(retention.firstNeededSequence(90, 2)).toBe(90);
  });

  test('ignores the marks of an older stream in a newer one', () => {
    const retention = new Retention(4_000);
    retention.checkpointed(10, 5_000, 1);
    expect(retention.firstNeededSequence(5_100, 1)).toBe(5_000);
    expect(retention.firstNeededSequence(3, 1)).toBe(3);
    expect(retention.firstNeededSequence(0, 1)).toBe(0);
  });

  test('never trims what the running student needs, and keeps at most a quarter besides', () => {
    const acts = fc.array(fc.oneof(fc.integer({ min: 1, max: 900 }), fc.constant('checkpoint' as const)), {
      maxLength: 60,
    });
    fc.assert(
      fc.property(acts, fc.integer({ min: 1, max: 4 }), (list, keep) => {
        const retention = new Retention(4_000);
        // One frame a step: its sequence is its step + 1.
        const sizes: number[] = [];
        for (const act of list) {
          if (act === 'checkpoint') retention.checkpointed(sizes.length, sizes.length + 1, keep);
          else {
            sizes.push(act);
            retention.trained(act);
          }
          const current = sizes.length + 1;
          const first = retention.firstNeededSequence(current, keep);
          expect(first).toBeLessThanOrEqual(current);
          const retained = sizes.slice(Math.max(0, first - 1)).reduce((sum, bytes) => sum + bytes, 0);
          expect(retained).toBeLessThanOrEqual(1_000);
        }
      }),
    );
  });
});

describe('the supply of labels alone', () => {
  test('has no logits for any step, needs nothing stored, and ends when it is stopped', async () => {
    const supply = labelsAlone();
    supply.start();
    supply.setPace(1);
    expect(await supply.take(7)).toEqual({ logits: null, bytes: 0, isSkipped: false });
    expect(supply.state).toMatchObject({ window: 0, fedSteps: 0, firstNeededSequence: 0 });
    supply.stop();
    expect(await supply.take(8)).toBe('stopped');
  });
});

describe('progress', () => {
  test('of a resumed run equals that of an undisturbed one, wherever it stopped', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.nat(), (steps, at) => {
        const cut = at % (steps + 1);
        const act = (progress: Progress, from: number, to: number): Progress => {
          for (let step = from; step < to; step++) {
            progress.trained(step, 1 / (step + 1), step % 5 === 0 ? {} : { agreement: 1 / (step + 2) });
            if (step % 7 === 0) progress.skipped(step);
            if (step % 50 === 49)
              progress.evaluated({ step: step + 1, accuracy: 0.5, loss: 1, metrics: { accuracy: 0.5 } });
          }
          return progress;
        };
        const whole = act(new Progress(steps, null), 0, steps);
        const saved: unknown = JSON.parse(JSON.stringify(act(new Progress(steps, null), 0, cut).metrics));
        const resumed = act(new Progress(steps, trainingMetricsSchema.parse(saved)), cut, steps);
        expect(resumed.metrics).toEqual(whole.metrics);
        expect(resumed.named).toEqual(whole.named);
        expect(whole.metrics.losses.length).toBeLessThanOrEqual(200);
      }),
    );
  });

  test('continues from a checkpoint of a release that named no metrics', () => {
    const old = {
      evaluations: [{ step: 2, accuracy: 0.5, loss: 1 }],
      losses: [{ step: 1, loss: 3 }],
      openStretch: { sum: 0, count: 0 },
      skippedSteps: [],
      skipped: 0,
    };
    const progress = new Progress(10, trainingMetricsSchema.parse(old));
    expect(progress.metrics).toEqual(old);
    expect(progress.named).toEqual({});
    progress.trained(1, 2, { agreement: 0.75 });
    expect(progress.named).toEqual({ agreement: 0.75 });
  });

  test('names metrics as the mean of the last stretches, without numbers that JSON does not have', () => {
    const progress = new Progress(400, null);
    progress.trained(0, 1, { agreement: 1 });
    expect(progress.named).toEqual({ agreement: 1 });
    for (let step = 1; step < 400; step++) {
      progress.trained(step, 1, step < 360 ? { agreement: 0 } : { agreement: step % 2, klDivergence: Infinity });
    }
    progress.evaluated({ step: 400, accuracy: 0.5, loss: 1, metrics: { accuracy: 0.5, top5Accuracy: 1 } });
    expect(progress.named).toEqual({ agreement: 0.5, accuracy: 0.5, top5Accuracy: 1 });
  });

  test('counts rows that gave way to others once, over all attempts', () => {
    const first = new Progress(10, null, () => ({ count: 2, names: ['b.png', 'a.png'] }));
    expect(first.metrics.replacedRows).toEqual({ count: 2, names: ['a.png', 'b.png'] });
    const saved = trainingMetricsSchema.parse(JSON.parse(JSON.stringify(first.metrics)));
    const again = new Progress(10, saved, () => ({ count: 2, names: ['b.png', 'c.png'] }));
    expect(again.metrics.replacedRows).toEqual({ count: 3, names: ['a.png', 'b.png', 'c.png'] });
    expect(new Progress(10, saved).replaced.count).toBe(2);
    expect(new Progress(10, null).metrics).not.toHaveProperty('replacedRows');
  });

  test('is bounded, and counts what does not fit', () => {
    const progress = new Progress(1e6, null);
    for (let step = 0; step < 3_000; step++) {
      progress.skipped(step);
      progress.evaluated({ step, accuracy: 0, loss: 0 });
    }
    const { skipped, skippedSteps, evaluations } = progress.metrics;
    expect({ skipped, skippedSteps: skippedSteps.length }).toEqual({ skipped: 3_000, skippedSteps: maxSkippedSteps });
    expect({ length: evaluations.length, last: evaluations.at(-1)?.step }).toEqual({
      length: maxEvaluations,
      last: 2_999,
    });
  });

  test.each([
    { phase: 'Training', busyFraction: 0.75, want: 0.25 },
    { phase: 'Training', busyFraction: 0, want: 1 },
    { phase: 'Evaluating', busyFraction: 0, want: 0 },
    { phase: 'Done', busyFraction: 0.5, want: 0 },
  ] as const)(
    'reports a wait of $want of the time when busy $busyFraction in $phase',
    ({ phase, busyFraction, want }) => {
      const rates = { samplesPerSecond: 1, capableSamplesPerSecond: 2, busyFraction };
      expect(ratesOf(rates, phase)).toEqual({ samplesPerSecond: 1, unstarvedSamplesPerSecond: 2, waitFraction: want });
    },
  );
});

describe('the log of damaged frames', () => {
  const frame = (step: number, sequence: number) => ({ step, shard: 0, sequence, reason: 'CRC' });

  test('counts wrong frames by place, each once', () => {
    const log = new DamageLog();
    expect([log.note(frame(1, 10)), log.note(frame(1, 10)), log.note(frame(2, 11)), log.note(frame(1, 12))]).toEqual([
      1,
      null,
      1,
      2,
    ]);
    expect(log.frames.map(({ sequence }) => sequence)).toEqual([12, 11]);
  });

  test('does not report a frame that is gone, and keeps the count', () => {
    const log = new DamageLog();
    log.note(frame(1, 10));
    log.gone({ step: 1, shard: 0 });
    expect(log.frames).toEqual([]);
    expect(log.note(frame(1, 10))).toBe(2);
  });

  test('forgets trained steps and reports no more than the telemetry allows', () => {
    const log = new DamageLog();
    for (let step = 0; step < 40; step++) log.note({ ...frame(step, step + 1), reason: 'x'.repeat(2_000) });
    expect(log.frames).toHaveLength(maxDamagedFrames);
    expect(log.frames[0]?.reason).toHaveLength(500);
    log.discardThrough(37);
    expect(log.frames.map(({ step }) => step)).toEqual([38, 39]);
  });
});
